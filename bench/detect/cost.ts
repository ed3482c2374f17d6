import type { Scorer } from '../../lib/stream/detector.ts'
import type { Value } from '../../lib/stream/value.ts'

export interface Cost {
  /** Microseconds a record, the median of the rounds. */
  readonly parseUs: number
  readonly scoreUs: number
  readonly reasonsUs: number
  /** Median of the rounds' own ratios: what a slow minute does to one, it does to the other. */
  readonly scoreToParse: number
}

const BATCH = 4090
const ROUNDS = 25

/** Times scoring and its floor, JSON.parse of the same records, in turns. */
export function costOf(scorer: Scorer, values: readonly Value[]): Cost {
  const rounds = Array.from({ length: ROUNDS }, (_, round) => {
    const batch = Array.from(
      { length: BATCH },
      (_, i) => values[(round * 7919 + i * 37) % values.length] as Value,
    )
    const texts = batch.map((value) => JSON.stringify(value))
    const parsed: Value[] = []
    const parseUs = timedUs(() => {
      for (const text of texts) parsed.push(JSON.parse(text) as Value)
    })
    const scoreUs = timedUs(() => scorer.scores(parsed))
    const reasonsUs = timedUs(() => {
      for (const value of parsed) scorer.reasons(value)
    })
    return { parseUs, scoreUs, reasonsUs, ratio: scoreUs / parseUs }
  }).slice(5)
  return {
    parseUs: median(rounds.map(({ parseUs }) => parseUs)),
    scoreUs: median(rounds.map(({ scoreUs }) => scoreUs)),
    reasonsUs: median(rounds.map(({ reasonsUs }) => reasonsUs)),
    scoreToParse: median(rounds.map(({ ratio }) => ratio)),
  }
}

function timedUs(action: () => unknown): number {
  const startedMs = performance.now()
  action()
  return ((performance.now() - startedMs) * 1000) / BATCH
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? Number.NaN
}
