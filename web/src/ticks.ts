const DAY_S = 86_400

/**
 * Labels of an axis of time from `from` to `to`, s: as short as the range allows, the day where one begins. None where it
 * would be cut off at the right end.
 */
export function tickLabels(ticks: readonly number[], [from, to]: readonly [number, number]): string[] {
  const room = (to - from) / 24
  return ticks.map((at) => (at > to - room ? '' : label(new Date(at * 1_000), to - from)))
}

function label(time: Date, rangeS: number): string {
  if (rangeS > 300 * DAY_S) return time.toLocaleDateString('en-GB', { month: 'short', year: 'numeric' })
  const midnight = time.getHours() === 0 && time.getMinutes() === 0
  if (midnight || rangeS > 2 * DAY_S)
    return time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })
  return time.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })
}
