const HOUR_MS = 3_600_000

/** Lengths of time that pages offer; undefined: all there is. */
export const RANGES = {
  '1 h': HOUR_MS,
  '6 h': 6 * HOUR_MS,
  '24 h': 24 * HOUR_MS,
  '7 d': 7 * 24 * HOUR_MS,
  All: undefined,
} as const satisfies Readonly<Record<string, number | undefined>>

export type RangeName = keyof typeof RANGES
