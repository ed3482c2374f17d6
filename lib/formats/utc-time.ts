const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?$/
const DAY_FIRST = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/

/**
 * The moment a text names, ms since 1970: ISO 8601 (`2024-03-31`, `2024-03-31 12:00:05.25`, with or without zone) or
 * `31/3/2024`. Without a zone it is UTC, whatever the machine's own is; without a time the day's beginning. Undefined
 * for anything else, a 31st of June too.
 */
export function utcTime(text: string): number | undefined {
  const iso = ISO.exec(text)
  if (iso !== null) {
    const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone = 'Z'] = iso
    if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
    const dayMs = startOfDay(Number(year), Number(month), Number(day))
    const ms = Number(fraction.slice(0, 3).padEnd(3, '0'))
    const time = ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + ms
    return dayMs === undefined ? undefined : dayMs + time - zoneMs(zone)
  }
  const [, day, month, year] = DAY_FIRST.exec(text) ?? []
  return day === undefined ? undefined : startOfDay(Number(year), Number(month), Number(day))
}

function startOfDay(year: number, month: number, day: number): number | undefined {
  const ms = Date.UTC(year, month - 1, day)
  const date = new Date(ms)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? ms : undefined
}

function zoneMs(zone: string): number {
  if (zone === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}
