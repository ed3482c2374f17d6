import { seededRandom } from '../../lib/stream/random.ts'
import type { Value } from '../../lib/stream/value.ts'

export const FIELDS = {
  numeric: ['bytes', 'packets', 'errors'],
  rates: ['error_rate'],
  categorical: ['service', 'flag'],
} as const

const SERVICES = ['http', 'http', 'http', 'smtp', 'dns', 'ftp']

/** Records of a made-up service: bytes and packets go together, errors are rare. */
export function usualRows(count: number, seed: number): Value[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => {
    const packets = 1 + Math.floor(random() ** 4 * 2000)
    const errors = random() < 0.05 ? 1 + Math.floor(random() ** 4 * packets) : 0
    return {
      bytes: Math.round(packets * (40 + random() ** 2 * 1400)),
      packets,
      errors,
      error_rate: errors / packets,
      service: random() < 0.002 ? 'gopher' : SERVICES[Math.floor(random() * SERVICES.length)],
      flag: errors > 0 ? 'REJ' : 'SF',
      label: 'usual',
    }
  })
}

/** Records that are far out in several fields at once. */
export function strangeRows(count: number, seed: number): Value[] {
  const random = seededRandom(seed)
  return usualRows(count, seed).map((row) => ({
    ...row,
    bytes: Math.round(2e7 + random() * 1e7),
    errors: 2000 + Math.floor(random() * 500),
    error_rate: 0.9,
    flag: 'RSTO',
    label: 'strange',
  }))
}
