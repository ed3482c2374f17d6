import type { TrendSlide } from '../lib/serve/dashboard-messages.ts'
import { table } from './table.ts'

/** A slide of trends for people. */
export function slideText(slide: TrendSlide): string {
  const { top, bursts, uses, late, from, to, provisional } = slide
  const ranking = table(
    ['', 'key', 'uses'],
    top.map(({ key, count }, i) => [i + 1, key, count]),
  )
  const begins = bursts.map(
    ({ key, uses: found, expected }) =>
      `Burst of ${key}: ${found} uses in a minute, ${expected.toFixed(1)} expected`,
  )
  const notes = [
    `${uses.toLocaleString('en-US')} uses from ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`,
    ...(provisional ? ['provisional'] : []),
    ...(late > 0 ? [`${late.toLocaleString('en-US')} came too late for the slot that left`] : []),
  ]
  return [ranking, ...begins, notes.join(', ')].join('\n')
}
