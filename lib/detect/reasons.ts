import type { Reason } from '../stream/detector.ts'
import type { Value } from '../stream/value.ts'
import type { FieldShare } from './attribution.ts'
import { categoryOf, namesOf, numberOf } from './features.ts'
import type { ForestModel, Usual } from './model.ts'

const REASONS_MAX = 5
/** A feature with less of the score is not worth a line. */
const SHARE_MIN = 0.03

/** The shares as reasons for people, most important first: at most five, and none too small to matter. */
export function reasonsOf(
  model: ForestModel,
  value: Value,
  shares: readonly FieldShare[],
): readonly Reason[] {
  const names = namesOf(model.features)
  return shares
    .slice(0, REASONS_MAX)
    .filter(({ share }) => share >= SHARE_MIN)
    .map(({ field, share }) => reason(model, value, names[field] as string, field, share))
}

function reason(model: ForestModel, value: Value, feature: string, field: number, share: number): Reason {
  const usual = model.usual[field] as Usual
  const found = value[feature]
  const shown =
    typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' ? found : '(missing)'
  const rounded = Math.round(share * 1e4) / 1e4
  const known = model.categories[field - model.medians.length] ?? []
  const text =
    'top' in usual
      ? categoryText(feature, categoryOf(value, feature), usual.top, known)
      : numberText(feature, numberOf(value, feature), usual)
  return { feature, value: shown, share: rounded, text }
}

type UsualRange = Extract<Usual, { low: number }>

function numberText(feature: string, number: number, { low, typical, high }: UsualRange): string {
  if (Number.isNaN(number)) return `${feature} is missing`
  const range = low === high ? `the usual ${count(low)}` : `the usual ${count(low)} to ${count(high)}`
  const shown = `${feature} ${count(number)}`
  if (number < low) return `${shown} is ${far(low - number, high - low)}below ${range}`
  if (number > high) return `${shown} is ${far(number - high, high - low)}above ${range}`
  return `${shown} is within ${range}, mostly ${count(typical)}, but not together with the rest`
}

/** "far" from more than three widths of the usual range outside it. */
function far(distance: number, width: number): string {
  return distance > 3 * width ? 'far ' : ''
}

function categoryText(
  feature: string,
  category: string | null,
  top: readonly (readonly [string, number])[],
  known: readonly (string | null)[],
): string {
  const shown = `${feature} ${category ?? '(missing)'}`
  if (!known.includes(category)) return `${shown} was never seen in training`
  const own = top.find(([name]) => name === category)
  if (own !== undefined && own[1] >= 0.1)
    return `${shown} is usual (${percent(own[1])}), but not together with the rest`
  const common = top
    .filter(([name]) => name !== category)
    .slice(0, 3)
    .map(([name, share]) => `${name} ${percent(share)}`)
    .join(', ')
  return `${shown} is rare (${own === undefined ? 'under 0.1 %' : percent(own[1])}); usual: ${common}`
}

function percent(share: number): string {
  return `${share < 0.1 ? Math.round(share * 1000) / 10 : Math.round(share * 100)} %`
}

/** With thousands separated; at most three digits after the point. */
function count(number: number): string {
  const [whole = '', fraction] = String(Math.round(number * 1000) / 1000).split('.')
  if (whole.includes('e')) return String(number)
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',')
  return fraction === undefined ? grouped : `${grouped}.${fraction}`
}
