/**
 * What speed boards cost: writes and bytes for each 1,000 records, by the window in which a mapping gathers them. One
 * partition at a steady rate, all in one slot of event time and one epoch, so that boards grow as large as they can. The
 * network views on the KDD file; hashtags, two a record, half of them drawn evenly from all there are and half by Zipf's law.
 *
 *     node bench/views/boards.ts [SOURCE] [--tags N] [--rate N] [--records N]
 *
 * "whole" and "buckets" are what the same windows would write if a board were one object, or buckets of up to 4,096 keys,
 * replaced whole: counted, not run. Prices: us-east-1, on demand, DynamoDB $0.625 a million write units of 1 kB, S3 $5 a
 * million puts and $0.40 a million gets. "us a record", "read ms" (of all boards at the end) and "one key ms" are CPU time:
 * folding, packing and merging, without a disk or network.
 */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createGunzip } from 'node:zlib'
import type { Item, KeyedStore } from '../../lib/ports/keyed-store.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import { partsOfItem } from '../../lib/state/board-body.ts'
import { BoardStore, readBoards } from '../../lib/state/boards.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import type { Value } from '../../lib/stream/value.ts'
import type { ViewDefinition } from '../../lib/stream/view-definition.ts'
import { compileView, type View } from '../../lib/views/view.ts'
import { network } from '../../streams/network.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tags: { type: 'string', default: '1200000' },
    rate: { type: 'string', default: '1000' },
    records: { type: 'string', default: '2000000' },
  },
})
const SOURCE = positionals[0] ?? '../shared/data/network/kddcup.data_10_percent.gz'
const [TAGS, RATE, RECORDS] = [Number(values.tags), Number(values.rate), Number(values.records)]
/** A key of the hashtags. */
const ONE = new Set(['tag1'])
const WINDOWS_S = [0.5, 5, 30]
const BUCKET_KEYS = 4096
/** What a counted hashtag takes in a compressed part; nearly nothing of the network views, which stay in their items. */
const KEY_BYTES = 8
const WRITE_UNIT_BYTES = 1024
const DOLLARS = { unit: 0.625e-6, put: 5e-6, get: 0.4e-6 }

/** What was asked of the stores. Items and parts are in memory: this counts, it does not time disks. */
class Counted {
  itemWrites = 0
  itemBytes = 0
  units = 0
  puts = 0
  putBytes = 0
  gets = 0
  /** Largest item's parts. */
  parts = 0
  readonly #items = new Map<string, Item>()
  readonly #objects = new Map<string, Uint8Array>()

  readonly keyed = {
    maxItemBytes: 390_000,
    get: async (pk: string, sk: string) => this.#items.get(pk + sk),
    query: (pk: string) => this.#query(pk),
    put: async (item: Item) => {
      this.#items.set(item.pk + item.sk, item)
      this.itemWrites++
      this.itemBytes += item.data.length
      this.units += Math.ceil((item.data.length + item.pk.length + item.sk.length + 40) / WRITE_UNIT_BYTES)
      this.parts = Math.max(this.parts, partsOfItem(item.data).length)
      return { ok: true as const }
    },
  } as unknown as KeyedStore

  readonly objects = {
    put: async (key: string, bytes: Uint8Array) => {
      this.#objects.set(key, bytes)
      this.puts++
      this.putBytes += bytes.length
      return { ok: true as const, etag: '' }
    },
    get: async (key: string) => {
      this.gets++
      const bytes = this.#objects.get(key)
      return bytes && { bytes, etag: '' }
    },
  } as unknown as ObjectStore

  async *#query(pk: string): AsyncGenerator<Item> {
    for (const item of this.#items.values()) if (item.pk === pk) yield item
  }

  dollarsPerBillion(records: number): number {
    const spent = this.units * DOLLARS.unit + this.puts * DOLLARS.put + this.gets * DOLLARS.get
    return (spent / records) * 1e9
  }
}

/** What the same windows would cost if a board were written whole, or cut into buckets by a hash of the key. */
class Others {
  readonly #held = new Set<string>()
  wholeBytes = 0
  bucketWrites = 0
  bucketBytes = 0

  window(keys: Iterable<string>): void {
    const touched = new Set(keys)
    for (const key of touched) this.#held.add(key)
    const buckets = Math.max(1, 2 ** Math.ceil(Math.log2(this.#held.size / BUCKET_KEYS)))
    // As many as that many balls leave occupied.
    const written = buckets * (1 - (1 - 1 / buckets) ** touched.size)
    this.wholeBytes += this.#held.size * KEY_BYTES
    this.bucketWrites += written
    this.bucketBytes += (written / buckets) * this.#held.size * KEY_BYTES
  }
}

async function connections(): Promise<Value[]> {
  const file = createReadStream(SOURCE)
  const found: Value[] = []
  for await (const line of createInterface({
    input: SOURCE.endsWith('.gz') ? file.pipe(createGunzip()) : file,
  })) {
    const parsed = network.parse(Buffer.from(line))
    if (parsed.ok) found.push(network.enrich(parsed.value))
    if (found.length === Math.min(RECORDS, 200_000)) break
  }
  return found
}

/** Two tags a record, by Zipf's law; the same for every run. */
function posts(): Value[] {
  let seed = 1
  const next = () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 2 ** 32
  }
  // Half of them evenly from all, so that nearly every tag occurs.
  const tag = () => `tag${Math.floor(next() < 0.5 ? next() * TAGS : Math.exp(next() * Math.log(TAGS)))}`
  return Array.from({ length: RECORDS }, () => ({ hashtags: [tag(), tag()] }))
}

const HASHTAGS: ViewDefinition = {
  title: '',
  groupBy: ['hashtags'],
  slotMs: 3_600_000,
  aggregates: { count: { kind: 'count' } },
}

async function measure(name: string, views: readonly View[], records: readonly Value[], windowS: number) {
  const counted = new Counted()
  const others = views.map(() => new Others())
  const store = new BoardStore(counted)
  const perWindow = Math.max(1, Math.round(RATE * windowS))
  const started = cpuUs()
  let othersUs = 0
  for (let from = 0; from < records.length; from += perWindow) {
    const entries = records.slice(from, from + perWindow).map((value, i): Entry => {
      const head = { site: 's', topic: 'x.raw.g1', partition: 0, appendTime: 0, eventTime: 0 }
      return { ...head, offset: from + i, outcome: 'ok', value }
    })
    for (const [v, view] of views.entries()) {
      const numbered = entries.map((entry) => ({ origin: entry.offset, entry, keys: view.keysOf(entry) }))
      const own = numbered.filter(({ keys }) => keys.length > 0)
      if (own.length === 0) continue
      await store.apply(view, { slot: 0, epoch: 0, topic: 'x.raw.g1', partition: 0 }, own)
      const before = cpuUs()
      others[v]?.window(own.flatMap(({ keys }) => keys))
      othersUs += cpuUs() - before
    }
  }
  const us = (cpuUs() - started - othersUs) / records.length
  const readFrom = cpuUs()
  let keys = 0
  for (const view of views) for await (const { board } of readBoards(counted, view)) keys += board.keys.size
  const readMs = (cpuUs() - readFrom) / 1000
  const pointFrom = cpuUs()
  for (const view of views)
    for await (const { board } of readBoards(counted, view, { keys: ONE }))
      if (board.mark < 0) throw new Error('a board without records')
  const pointMs = (cpuUs() - pointFrom) / 1000
  const per1000 = (n: number) => Number(((n / records.length) * 1000).toFixed(2))
  return {
    view: name,
    'window s': windowS,
    'item writes': per1000(counted.itemWrites),
    'item kB': per1000(counted.itemBytes / 1000),
    puts: per1000(counted.puts),
    'put kB': per1000(counted.putBytes / 1000),
    gets: per1000(counted.gets),
    'parts, most': counted.parts,
    '$ a billion': Number(counted.dollarsPerBillion(records.length).toFixed(2)),
    'us a record': Number(us.toFixed(1)),
    keys,
    'read ms': Math.round(readMs),
    'one key ms': Number(pointMs.toFixed(1)),
    'whole: kB': per1000(sum(others, ({ wholeBytes }) => wholeBytes) / 1000),
    'buckets: writes': per1000(sum(others, ({ bucketWrites }) => bucketWrites)),
    'buckets: kB': per1000(sum(others, ({ bucketBytes }) => bucketBytes) / 1000),
  }
}

/** CPU time of this process, all threads, in microseconds. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

function sum(others: readonly Others[], pick: (one: Others) => number): number {
  return others.reduce((all, one) => all + pick(one), 0)
}

const networkViews = Object.entries(network.views).map(([name, view]) =>
  compileView('network', name, { ...view, slotMs: 86_400_000 }),
)
const rows: unknown[] = []
const connectionRecords = await connections()
const postRecords = posts()
console.log(
  `${RATE} records a second in one partition; network: ${connectionRecords.length} records; hashtags: ${RECORDS} records, ` +
    `${new Set(postRecords.flatMap(({ hashtags }) => hashtags as string[])).size} different tags. For each 1,000 records:`,
)
for (const windowS of WINDOWS_S)
  rows.push(await measure(`network, ${networkViews.length} views`, networkViews, connectionRecords, windowS))
for (const windowS of WINDOWS_S)
  rows.push(await measure('hashtags', [compileView('posts', 'hashtags', HASHTAGS)], postRecords, windowS))
console.table(rows)
