import { expect } from 'vitest'
import { sampleNetwork } from '../../lib/collect/demo-network.ts'
import type { QueryAnswer } from '../../lib/serve/query.ts'
import { answer, weir } from './weir.ts'

/** Lines of connections, labelled, each ended by a line feed: the same for the same seed. */
export function connections(rows: number, seed = 7): string {
  return [...sampleNetwork({ seed, rows })].map(({ line }) => `${line}\n`).join('')
}

/** Counts by key. */
type Counts = Record<string, number>

/** What a file holds, counted from its text alone, with nothing of Weir's. */
export interface FileCounts {
  readonly records: number
  readonly byService: Counts
  readonly bytesByService: Counts
  readonly byProtocolFlag: Counts
  readonly byLabel: Counts
}

export function countsOf(text: string, times = 1): FileCounts {
  const counts = { records: 0, byService: {}, bytesByService: {}, byProtocolFlag: {}, byLabel: {} }
  for (const line of text.split('\n')) {
    if (line === '') continue
    const fields = line.split(',')
    const [, protocol, service = '', flag, sourceBytes, destinationBytes] = fields
    counts.records += times
    add(counts.byService, service, times)
    add(counts.bytesByService, service, times * (Number(sourceBytes) + Number(destinationBytes)))
    add(counts.byProtocolFlag, `${protocol}|${flag}`, times)
    if (fields[41] !== undefined) add(counts.byLabel, fields[41], times)
  }
  return counts
}

function add(counts: Counts, key: string, n: number): void {
  counts[key] = (counts[key] ?? 0) + n
}

/** Checks that every view of the data folder says what the file says, and that `weir verify` agrees. */
export async function expectViews(data: string, expected: FileCounts): Promise<void> {
  const [services, counts, labels] = await Promise.all(
    ['byService', 'byProtocolFlag', 'byLabel'].map((view) => query(data, view)),
  )
  expect(column(services, 'count')).toEqual(expected.byService)
  expect(column(services, 'bytes')).toEqual(expected.bytesByService)
  expect(column(counts, 'count')).toEqual(expected.byProtocolFlag)
  expect(column(labels, 'count')).toEqual(expected.byLabel)
  await expectVerified(data)
}

export function query(data: string, view: string): Promise<QueryAnswer> {
  return answer(['query', `network.${view}`, '--data', data])
}

export async function expectVerified(data: string): Promise<void> {
  expect(await weir(['verify', '--data', data])).toMatchObject({
    code: 0,
    out: expect.stringContaining('every record is there once and every view agrees'),
  })
}

/** One aggregate by key. */
export function column(queried: QueryAnswer | undefined, name: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(queried?.rows.map((row) => [row.key, row[name]]) ?? [])
}
