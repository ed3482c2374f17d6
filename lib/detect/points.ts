import type { Reason, Scorer, Severity } from '../stream/detector.ts'
import type { Value } from '../stream/value.ts'

/** What a field's value adds to a record's score, or takes from it. */
export interface PointRule {
  readonly field: string
  /** By the value as text. A value that is not listed, or absent, adds nothing. */
  readonly points: Readonly<Record<string, number>>
  /** For people, behind the value: "is how grave the sensor calls it". */
  readonly because: string
}

export interface PointOptions {
  /** Kept with every score: another set of rules is another version. */
  readonly version: string
  /** Least score of each severity; the lowest of them is the threshold. */
  readonly severities: readonly { readonly severity: Severity; readonly from: number }[]
  readonly rules: readonly PointRule[]
}

/**
 * Scores by points that the stream's author gives out, for records that somebody has judged already: an intrusion sensor, a
 * person. Needs no training. A score is the sum of the points, cut to 0 to 1.
 */
export function points({ version, severities, rules }: PointOptions): Scorer {
  const gravestFirst = severities.toSorted((a, b) => b.from - a.from)
  return {
    version,
    threshold: gravestFirst.at(-1)?.from ?? 1,
    scores: (values) => Float64Array.from(values, (value) => scoreOf(rules, value)),
    severity: (score) => gravestFirst.find(({ from }) => score >= from)?.severity,
    reasons: (value) => reasonsOf(rules, value),
  }
}

function scoreOf(rules: readonly PointRule[], value: Value): number {
  let hundredths = 0
  // Whole numbers: the sum of 0.7 and 0.1 in another order is another double.
  for (const rule of rules) hundredths += Math.round(pointsOf(rule, value) * 100)
  return Math.min(100, Math.max(0, hundredths)) / 100
}

function pointsOf({ field, points: byValue }: PointRule, value: Value): number {
  const key = String(value[field])
  return Object.hasOwn(byValue, key) ? (byValue[key] ?? 0) : 0
}

/** Those that raised the score, by their part in what raised it. */
function reasonsOf(rules: readonly PointRule[], value: Value): readonly Reason[] {
  const raised = rules.map((rule) => ({ rule, got: pointsOf(rule, value) })).filter(({ got }) => got > 0)
  const all = raised.reduce((sum, { got }) => sum + got, 0)
  return raised
    .sort((a, b) => b.got - a.got)
    .slice(0, 5)
    .map(({ rule: { field, because }, got }) => {
      const shown = String(value[field])
      return { feature: field, value: shown, share: got / all, text: `${field} ${shown} ${because}` }
    })
}
