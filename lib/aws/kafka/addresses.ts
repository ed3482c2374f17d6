import { PortError } from '../../ports/errors.ts'
import type { Address } from './connection.ts'

/** `host:port`. Throws MISCONFIGURED on anything else. */
export function parseAddress(text: string): Address {
  const match = /^(.+):(\d+)$/.exec(text.trim())
  if (match === null)
    throw new PortError(
      'MISCONFIGURED',
      `not a broker address: ${JSON.stringify(text)} (expected host:port)`,
      {
        curable: false,
      },
    )
  return { host: match[1] as string, port: Number(match[2]) }
}

/** The items in random order. */
export function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
