import { createReadStream, existsSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { demoNetwork } from '../../lib/collect/demo-network.ts'

const KDD = join(import.meta.dirname, '../../../shared/data/network/kddcup.data_10_percent.gz')

/** `count` connections of the demo's network, as lines of a KDD Cup 1999 file. */
export function madeLines(count: number, seed = 1): string[] {
  const lines: string[] = []
  for (const { line } of demoNetwork({ seed })) {
    lines.push(line)
    if (lines.length === count) break
  }
  return lines
}

/** The first `count` connections of the real file; undefined where it is not at hand. */
export async function kddLines(count: number): Promise<string[] | undefined> {
  if (!existsSync(KDD)) return undefined
  const lines: string[] = []
  const input = createReadStream(KDD).pipe(createGunzip())
  for await (const line of createInterface({ input })) {
    lines.push(line)
    if (lines.length === count) break
  }
  return lines
}

/** Where the file of KDD Cup 1999 is. */
export const KDD_FILE = KDD

/** How many lines carry each label, as `weir query network.byLabel` keys them. */
export function labelCounts(lines: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const line of lines) {
    const label = line.slice(line.lastIndexOf(',') + 1)
    counts[label] = (counts[label] ?? 0) + 1
  }
  return counts
}
