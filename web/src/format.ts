/** Numbers and times as the page writes them: the same everywhere, with tabular digits in mind. */
const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en-US', { notation: 'compact', maximumFractionDigits: 1 })

/** 494,021: exact. */
export function count(value: number): string {
  return whole.format(value)
}

/** 494K: for axes. */
export function compact(value: number): string {
  return short.format(value)
}

/** Records a second: 0, 0.4, 38, 12,345. */
export function rate(perSecond: number): string {
  return perSecond > 0 && perSecond < 10 ? perSecond.toFixed(1) : whole.format(perSecond)
}

/** 840 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 4 d 3 h. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 && ms % 1_000 !== 0 ? 1 : 0)} s`
  const seconds = Math.floor(ms / 1_000)
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h ${Math.floor((seconds % 3_600) / 60)} min`
  return `${Math.floor(seconds / 86_400)} d ${Math.floor((seconds % 86_400) / 3_600)} h`
}

/** 14:02:11, local time. */
export function clock(ms: number): string {
  const time = new Date(ms)
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(':')
}

/** 14:05, or 21 Nov 14:05 on another day than `nowMs`. */
export function slotTime(ms: number, nowMs: number): string {
  const time = new Date(ms)
  const hours = `${twoDigits(time.getHours())}:${twoDigits(time.getMinutes())}`
  if (time.toDateString() === new Date(nowMs).toDateString()) return hours
  return `${time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: yearOf(time, nowMs) })} ${hours}`
}

function yearOf(time: Date, nowMs: number): 'numeric' | undefined {
  return time.getFullYear() === new Date(nowMs).getFullYear() ? undefined : 'numeric'
}

/** 21 Nov 2026, 14:02:11.384 */
export function fullTime(ms: number): string {
  const time = new Date(ms)
  const date = time.toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
  return `${date}, ${clock(ms)}.${String(time.getMilliseconds()).padStart(3, '0')}`
}

export function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}

/** A field's value as text. */
export function fieldText(value: unknown): string {
  if (typeof value === 'number') return Number.isInteger(value) ? whole.format(value) : String(value)
  if (typeof value === 'object' && value !== null) return JSON.stringify(value)
  return String(value)
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

/** 23.4 %: to one place, so that small shares are seen. */
export function share(of: number): string {
  return `${(of * 100).toFixed(1)} %`
}

/** 1,234 or 1,234.50: with as many decimal places as asked. */
export function decimal(value: number, places: number): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places })
}

/** 3.1 of a ratio: two digits that count. */
export function ratio(value: number): string {
  return value >= 100 ? whole.format(value) : Number(value.toPrecision(2)).toString()
}
