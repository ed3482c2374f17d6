/**
 * What aggregating costs a record, alone on one core and without reading or parsing: from entries, as the speed layer does,
 * and from columns, as the batch layer does. Views of `streams/network.ts`, counts alone, and one of every sketch.
 *
 *     node bench/views/aggregate.ts [SOURCE] [--records N] [--rounds N]
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createGunzip } from 'node:zlib'
import type { Entry } from '../../lib/stream/entry.ts'
import type { ViewDefinition } from '../../lib/stream/view-definition.ts'
import { applyToBoard, EMPTY_BOARD } from '../../lib/views/board.ts'
import { ColumnAggregator, type ColumnBatch } from '../../lib/views/columns.ts'
import { compileView } from '../../lib/views/view.ts'
import { network } from '../../streams/network.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    records: { type: 'string', default: '494021' },
    rounds: { type: 'string', default: '5' },
  },
})
const SOURCE = positionals[0] ?? '../shared/data/network/kddcup.data_10_percent.gz'
/** Rows of a row group of the master. */
const BATCH = 50_000

const count = { count: { kind: 'count' } } as const
const byService = { title: '', groupBy: ['service'], slotMs: 300_000 }
const VIEWS: Readonly<Record<string, ViewDefinition>> = {
  'count by service': { ...byService, aggregates: count },
  'count by protocol and flag': { ...byService, groupBy: ['protocol_type', 'flag'], aggregates: count },
  'count by label': { ...byService, groupBy: ['label'], aggregates: count },
  'count by 100,000 keys': { ...byService, groupBy: ['index'], aggregates: count },
  ...Object.fromEntries(Object.entries(network.views).map(([name, view]) => [`network.${name}`, view])),
  'sum by service': { ...byService, aggregates: { n: { kind: 'sum', field: 'src_bytes' } } },
  'max by service': { ...byService, aggregates: { n: { kind: 'max', field: 'src_bytes' } } },
  'share by service': {
    ...byService,
    aggregates: { n: { kind: 'share', where: [{ field: 'flag', in: ['SF'] }] } },
  },
  'ratio by service': {
    ...byService,
    aggregates: { n: { kind: 'ratio', field: 'src_bytes', by: 'total_bytes' } },
  },
  'distinct by service': { ...byService, aggregates: { n: { kind: 'distinct', field: 'src_bytes' } } },
  'top by protocol': {
    ...byService,
    groupBy: ['protocol_type'],
    aggregates: { n: { kind: 'top', field: 'service' } },
  },
  'quantile by service': {
    ...byService,
    aggregates: { n: { kind: 'quantile', field: 'src_bytes', at: [0.5, 0.99] } },
  },
  'histogram by service': {
    ...byService,
    aggregates: { n: { kind: 'histogram', field: 'src_bytes', bounds: [0, 100, 1e3, 1e4, 1e5] } },
  },
}

async function readEntries(): Promise<Entry[]> {
  const file = createReadStream(SOURCE)
  const entries: Entry[] = []
  for await (const line of createInterface({
    input: SOURCE.endsWith('.gz') ? file.pipe(createGunzip()) : file,
  })) {
    const parsed = network.parse(Buffer.from(line))
    if (!parsed.ok) continue
    const offset = entries.length
    const value = { ...network.enrich(parsed.value), index: (offset * 7919) % 100_000 }
    // A thousand records a second of event time.
    const time = 1_700_000_000_000 + offset
    const head = { site: 's', topic: 'network.raw.g1', partition: 0, appendTime: time, eventTime: time }
    entries.push({ ...head, offset, outcome: 'ok', value })
    if (entries.length === Number(values.records)) break
  }
  return entries
}

function columnsOf(entries: readonly Entry[], fields: readonly string[]): ColumnBatch {
  const cells = new Map(
    fields.map((name) => [
      name,
      entries.map((entry) => (entry.outcome === 'dead' ? null : entry.value[name])),
    ]),
  )
  return {
    topic: 'network.raw.g1',
    partition: 0,
    rows: entries.length,
    offsets: entries.map(({ offset }) => offset),
    eventTimes: Float64Array.from(entries, ({ eventTime }) => eventTime),
    outcomes: entries.map(({ outcome }) => outcome),
    severities: entries.map(() => null),
    field: (name) => cells.get(name),
  }
}

/** The least CPU time of the process, all threads, in nanoseconds. */
function best(rounds: number, work: () => void): number {
  let bestNs = Number.POSITIVE_INFINITY
  for (let i = 0; i < rounds; i++) {
    const before = process.cpuUsage()
    work()
    const { user, system } = process.cpuUsage(before)
    bestNs = Math.min(bestNs, (user + system) * 1000)
  }
  return bestNs
}

function slices<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}

const entries = await readEntries()
const fields = ['service', 'protocol_type', 'flag', 'label', 'index', 'total_bytes', 'src_bytes']
const batches = slices(entries, BATCH).map((some) => columnsOf(some, fields))
const rounds = Number(values.rounds)
console.log(`${entries.length} records, least CPU time of ${rounds} rounds`)
const rows = Object.entries(VIEWS).map(([name, definition]) => {
  const view = compileView('network', 'view', definition)
  let groups = 0
  let bytes = 0
  const columnsNs = best(rounds, () => {
    const aggregator = new ColumnAggregator(view)
    for (const batch of batches) aggregator.add(batch)
    groups = [...aggregator.take()].length
  })
  const sized = new ColumnAggregator(view)
  for (const batch of batches) sized.add(batch)
  for (const { states } of sized.take()) bytes = Math.max(bytes, JSON.stringify(view.toJson(states)).length)
  // As `count` does: a batch of 5,000 entries at a time, onto one board.
  const entriesNs = best(rounds, () => {
    let board = EMPTY_BOARD
    for (const some of slices(entries, 5_000))
      board = applyToBoard(
        view,
        board,
        some.map((entry) => ({ origin: entry.offset, entry, keys: view.keysOf(entry) })),
      )
  })
  const millionsPerSecond = Number(((entries.length / columnsNs) * 1e3).toFixed(1))
  return {
    view: name,
    groups,
    'columns ns': Math.round(columnsNs / entries.length),
    'columns M/s': millionsPerSecond,
    'entries ns': Math.round(entriesNs / entries.length),
    bytes,
  }
})
console.table(rows)
