import { UsageError } from './command.ts'

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A point in time from an option: ISO 8601, ms since 1970, or so long ago ("10m", "2h", "7d"). Throws a UsageError. */
export function timeOption(name: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined
  const ago = duration(text)
  if (ago !== undefined) return nowMs - ago
  const ms = /^\d{10,16}$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isFinite(ms)) return ms
  throw new UsageError(
    `${name} takes a time such as 2026-01-31T12:00:00Z, or 10m, 2h, 7d ago; got ${JSON.stringify(text)}`,
  )
}

/** A length of time from an option, ms. Throws a UsageError. */
export function lengthOption(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = duration(text)
  if (ms !== undefined && ms > 0) return ms
  throw new UsageError(`${name} takes a length such as 90s, 10m, 8h or 7d; got ${JSON.stringify(text)}`)
}

/** A length of time, ms: "90s", "10m", "2h", "7d". Undefined for anything else. */
export function duration(text: string): number | undefined {
  const parts = /^(\d+)([smhd])$/.exec(text)
  return parts === null ? undefined : Number(parts[1]) * (UNITS_MS[parts[2] ?? ''] ?? 0)
}
