/**
 * Times as headers write them. A layout is made of `yyyy`, `yy` (2000 to 2099), `MMM` (Jan), `MM`, `dd`, `HH`, `mm`, `ss`, `SSS`
 * (a fraction of any length), `nnn` (a number of milliseconds), `EEE` (a weekday, not checked), `Z` (`Z`, `+01:00`, `+0100`); other characters stand for themselves. Numbers may
 * have a digit less than the layout, or a blank for a leading zero. `epoch` is seconds since 1970.
 */
export interface TimeLayout {
  /**
   * Ms since 1970, undefined where the text is not of the layout. A time without a zone is UTC. Without a year it is the latest
   * such time that is not more than a day after `nearMs`: clocks differ, and a log is read after it is written.
   */
  parse(text: string, nearMs: number): number | undefined
}

interface Parts {
  year?: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  millisecond: number
  offsetMinutes: number
}

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const DAY_MS = 86_400_000
const TOKENS = /yyyy|yy|MMM|MM|dd|HH|mm|ss|SSS|nnn|EEE|Z|./gs

const PATTERNS: Readonly<Record<string, string>> = {
  yyyy: '(?<year>\\d{4})',
  yy: '(?<shortYear>\\d{2})',
  MMM: '(?<monthName>[A-Z][a-z]{2})',
  MM: '(?<month>[ \\d]?\\d)',
  dd: '(?<day>[ \\d]?\\d)',
  HH: '(?<hour>[ \\d]?\\d)',
  mm: '(?<minute>[ \\d]?\\d)',
  ss: '(?<second>[ \\d]?\\d)',
  SSS: '(?<fraction>\\d{1,9})',
  nnn: '(?<milliseconds>\\d{1,3})',
  EEE: '[A-Z][a-z]{2}',
  Z: '(?<zone>Z|[+-]\\d\\d:?\\d\\d)',
}

export function timeLayout(layout: string): TimeLayout {
  if (layout === 'epoch') return { parse: epochSeconds }
  const source = (layout.match(TOKENS) ?? []).map((token) => PATTERNS[token] ?? escaped(token)).join('')
  const pattern = new RegExp(`^${source}$`)
  return {
    parse(text, nearMs) {
      const groups = pattern.exec(text)?.groups
      const parts = groups === undefined ? undefined : partsOf(groups)
      return parts === undefined ? undefined : timeOf(parts, nearMs)
    },
  }
}

function escaped(character: string): string {
  return character.replace(/[\\^$.*+?()[\]{}|/-]/, '\\$&')
}

function epochSeconds(text: string): number | undefined {
  return /^\d{1,11}(\.\d{1,9})?$/.test(text) ? Math.floor(Number(text) * 1000) : undefined
}

function partsOf(groups: Readonly<Record<string, string | undefined>>): Parts | undefined {
  const number = (name: string, otherwise = 0) => {
    const text = groups[name]
    return text === undefined ? otherwise : Number(text)
  }
  const { monthName, fraction, zone, year, shortYear } = groups
  const nameAt = monthName === undefined ? -1 : MONTHS.indexOf(monthName)
  if (monthName !== undefined && (nameAt < 0 || nameAt % 3 !== 0)) return undefined
  const written = year ?? (shortYear === undefined ? undefined : `20${shortYear}`)
  const parts: Parts = {
    ...(written !== undefined && { year: Number(written) }),
    month: monthName === undefined ? number('month', 1) : nameAt / 3 + 1,
    day: number('day', 1),
    hour: number('hour'),
    minute: number('minute'),
    second: number('second'),
    millisecond:
      fraction === undefined ? number('milliseconds') : Number(fraction.padEnd(3, '0').slice(0, 3)),
    offsetMinutes: offsetOf(zone),
  }
  const { month, day, hour, minute, second } = parts
  const possible =
    month >= 1 && month <= 12 && day >= 1 && day <= 31 && hour < 24 && minute < 60 && second <= 60
  return possible ? parts : undefined
}

function offsetOf(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2)))
}

function timeOf(parts: Parts, nearMs: number): number | undefined {
  if (parts.year !== undefined) return inYear(parts, parts.year)
  const nearYear = new Date(nearMs).getUTCFullYear()
  // A day there is only in leap years may be eight years back.
  for (let year = nearYear + 1; year >= nearYear - 8; year--) {
    const timeMs = inYear(parts, year)
    if (timeMs !== undefined && timeMs <= nearMs + DAY_MS) return timeMs
  }
  return undefined
}

/** Undefined for a day that the month does not have. */
function inYear(parts: Parts, year: number): number | undefined {
  const { month, day, hour, minute, second, millisecond, offsetMinutes } = parts
  const timeMs = Date.UTC(year, month - 1, day, hour, minute, second, millisecond)
  if (day > 28 && new Date(Date.UTC(year, month - 1, day)).getUTCMonth() !== month - 1) return undefined
  return timeMs - offsetMinutes * 60_000
}
