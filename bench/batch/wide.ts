/**
 * Memory and time of a view with very many keys: a stretch of the master with a million different tags, two to a record, is
 * aggregated, packed and merged with the next stretch, as a child of a recompute and one of a merge do it.
 *
 *     node bench/batch/wide.ts [--records N] [--tags N] [--shards N] [--hours N] [--latencyMs N]
 *
 * `--shards` partials instead of two, over `--hours` instead of one; each get and head takes `--latencyMs` longer, as a store
 * that is far away does.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { mergePart } from '../../lib/batch/merge.ts'
import { planMerge } from '../../lib/batch/plan-merge.ts'
import { partialKey, settlePlan } from '../../lib/batch/run-plan.ts'
import { Tally } from '../../lib/batch/tally.ts'
import { packSegments } from '../../lib/formats/segment-pack.ts'
import { dataFolder, openFolderStore } from '../../lib/local/data-folder.ts'
import { compileView } from '../../lib/views/view.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '2000000' },
    tags: { type: 'string', default: '1000000' },
    shards: { type: 'string', default: '2' },
    hours: { type: 'string', default: '1' },
    latencyMs: { type: 'string', default: '0' },
  },
})
const RECORDS = Number(values.records)
const TAGS = Number(values.tags)
const SHARDS = Number(values.shards)
const HOURS = Number(values.hours)
const LATENCY_MS = Number(values.latencyMs)
const START_MS = 1_790_035_200_000

const definition = {
  title: 'Tags',
  groupBy: ['tags'],
  slotMs: 300_000,
  aggregates: { count: { kind: 'count' as const } },
}
const view = compileView('posts', 'byTag', definition)

/** Rows [from, to): two tags each, few of them often and most of them seldom. */
function batchOf(from: number, to: number) {
  const rows = to - from
  const tag = (n: number) => `tag${Math.floor(TAGS * ((n * 0.6180339887) % 1) ** 3)}`
  const tags = Array.from({ length: rows }, (_, i) => [tag(from + i), tag(from + i + 0.37)])
  const eventTimes = Float64Array.from(
    { length: rows },
    (_, i) => START_MS + ((from + i) * HOURS * 3_600_000) / RECORDS,
  )
  return {
    topic: 'posts.raw.g1',
    partition: 0,
    rows,
    offsets: [],
    eventTimes,
    outcomes: new Array<string>(rows).fill('ok'),
    field: () => tags,
  }
}

/** Reads that take longer. */
function far<T extends object>(store: T): T {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      if (LATENCY_MS === 0 || (name !== 'get' && name !== 'head')) return member.bind(target)
      return async (...args: unknown[]) => {
        await new Promise((resolve) => setTimeout(resolve, LATENCY_MS))
        return member.apply(target, args)
      }
    },
  })
}

const peakMiB = () => Math.round(process.resourceUsage().maxRSS / 1024)
const dir = mkdtempSync(join(tmpdir(), 'weir-wide-'))
const objects = far(await openFolderStore(dataFolder(dir)))
const clock = { nowMs: () => START_MS }
const step = { stream: 'posts', run: 'wide' }
const planned = { name: 'byTag', version: view.version, definition }
const shards = Array.from({ length: SHARDS }, (_, i) => `shard-${i}`)
let seconds = performance.now()
for (const [s, shard] of shards.entries()) {
  const tally = new Tally(view)
  const each = RECORDS / SHARDS
  for (let i = s * each; i < (s + 1) * each; i += 50_000)
    tally.add(batchOf(i, Math.min(i + 50_000, (s + 1) * each)))
  const segments = tally.finish()
  const bytes = packSegments(each, segments)
  await objects.put(partialKey(step, planned, shard), bytes)
  if (SHARDS <= 10)
    console.log(
      `partial of ${each} records: ${segments.length} segments, ${bytes.length} bytes, peak ${peakMiB()} MiB`,
    )
}
console.log(`aggregated in ${((performance.now() - seconds) / 1000).toFixed(1)} s`)
const covers = { horizon: 1, epochMs: 60_000, partitions: [], retractions: '' }
const groups = [{ views: [planned], shards, records: RECORDS }]
await settlePlan(objects, {
  form: 1,
  ...step,
  plannedMs: START_MS,
  covers,
  groups,
  late: [],
  retractions: [],
})
seconds = performance.now()
const { parts } = await planMerge(objects, step)
for (const part of parts) await mergePart({ objects, clock }, { ...step, part })
let segments = 0
for await (const _ of objects.list('batch/posts/byTag/')) segments++
console.log(
  `merged in ${((performance.now() - seconds) / 1000).toFixed(1)} s: ${segments} segments, peak of both steps together ${peakMiB()} MiB`,
)
await objects.close()
rmSync(dir, { recursive: true })
