import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import type { Value } from '../../lib/stream/value.ts'
import { network } from '../../streams/network.ts'

const FILE = new URL('../../../shared/data/network/kddcup.data_10_percent.gz', import.meta.url)

/** The KDD Cup 1999 10 % file in the order of its lines. Lines that are the same share one value. */
export interface Kdd {
  readonly values: readonly Value[]
  readonly labels: readonly string[]
}

export function hasKdd(): boolean {
  return existsSync(FILE)
}

export function readKdd(): Kdd {
  const lines = gunzipSync(readFileSync(FILE)).toString('latin1').split('\n').filter(Boolean)
  const byLine = new Map<string, Value>()
  const values = lines.map((line) => {
    const known = byLine.get(line)
    if (known !== undefined) return known
    const parsed = network.parse(Buffer.from(line))
    if (!parsed.ok) throw new Error(`a line of the file does not parse: ${parsed.reason}`)
    const value = network.enrich(parsed.value)
    byLine.set(line, value)
    return value
  })
  return { values, labels: lines.map((line) => line.slice(line.lastIndexOf(',') + 1).replace(/\.?\r?$/, '')) }
}

export const isNormal = (label: string) => label === 'normal'
