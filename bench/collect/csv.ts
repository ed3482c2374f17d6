/**
 * Cost of reading KDD lines as CSV, beside two floors timed in the same process, in turns: JSON.parse of the same records,
 * and splitting at commas with `Number` for each field.
 *
 *     node bench/collect/csv.ts [FILE.gz]     without a file: lines of lib/collect/demo-network.ts
 */
import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { sampleNetwork } from '../../lib/collect/demo-network.ts'
import { csv } from '../../lib/formats/csv.ts'
import { parseJson } from '../../lib/formats/json.ts'
import type { Column } from '../../lib/stream/columns.ts'

const LINES = 100_000
const ROUNDS = 5
const TEXT = new Set([1, 2, 3, 41])

const columns: readonly Column[] = Array.from({ length: 42 }, (_, i) => ({
  name: `column_${i}`,
  kind: TEXT.has(i) ? 'string' : 'number',
  optional: i === 41,
}))

function load(): Buffer[] {
  const path = process.argv[2] ?? '../shared/data/network/kddcup.data_10_percent.gz'
  if (!existsSync(path))
    return Array.from(sampleNetwork({ seed: 1, rows: LINES }), ({ line }) => Buffer.from(line))
  const bytes = gunzipSync(readFileSync(path))
  const lines: Buffer[] = []
  for (let at = 0; lines.length < LINES && at < bytes.length; ) {
    const end = bytes.indexOf(10, at)
    lines.push(bytes.subarray(at, end))
    at = end + 1
  }
  return lines
}

const lines = load()
const parse = csv().compile(columns)
const objects = lines.map((line) => Buffer.from(JSON.stringify(parse(line))))

const ways: Readonly<Record<string, () => void>> = {
  'csv()': () => {
    for (const line of lines) parse(line)
  },
  'split + Number': () => {
    for (const line of lines) {
      const fields = line.toString().split(',')
      const row: Record<string, unknown> = {}
      columns.forEach(({ name, kind }, i) => {
        row[name] = kind === 'number' ? Number(fields[i]) : fields[i]
      })
    }
  },
  'json() of the same records': () => {
    for (const object of objects) parseJson(object)
  },
}

const best = new Map<string, number>()
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, run] of Object.entries(ways)) {
    const before = process.cpuUsage()
    run()
    const used = process.cpuUsage(before)
    const us = (used.user + used.system) / lines.length
    best.set(name, Math.min(best.get(name) ?? Number.POSITIVE_INFINITY, us))
  }
}
for (const [name, us] of best)
  console.log(`${name.padEnd(30)} ${us.toFixed(2)} us a record, ${(1 / us).toFixed(2)} M records/CPU-s`)
