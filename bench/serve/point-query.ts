/**
 * How long a question for one key takes over a month of 5-minute slots, both layers: the batch view up to two hours ago,
 * the speed boards of four partitions after it. On SQLite and a folder, as one machine has them.
 *
 *     node bench/serve/point-query.ts [--keys 66] [--questions 2000]
 *
 * `slot`: one slot of the month. `recent`: the last two hours and a slot before. `month`: all 8,640 slots. `cold`: one slot,
 * with nothing cached. The floor, timed in turn with them: a bare `get` of one item of the same store.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { type QueryOptions, queryView } from '../../lib/serve/query.ts'
import { BoardStore } from '../../lib/state/boards.ts'
import { moveProgress, NO_PROGRESS } from '../../lib/state/progress.ts'
import { declareSince, versionName } from '../../lib/state/view-since.ts'
import type { OkEntry } from '../../lib/stream/entry.ts'
import { compileView } from '../../lib/views/view.ts'
import { slotsBetween, storeBatchView } from './batch-view.ts'

const { values } = parseArgs({
  options: { keys: { type: 'string', default: '66' }, questions: { type: 'string', default: '2000' } },
})
const KEYS = Array.from({ length: Number(values.keys) }, (_, i) => `service-${i}`)
const QUESTIONS = Number(values.questions)
const SLOT_MS = 300_000
const EPOCH_MS = 3_600_000
const PARTITIONS = 4
const DAYS = 30
const END_MS = 1_793_664_000_000
const START_MS = END_MS - DAYS * 86_400_000
const HORIZON = END_MS / EPOCH_MS - 2
const TOPIC = 'bench.raw.g1'

const view = compileView('bench', 'byService', {
  title: 'By service',
  groupBy: ['service'],
  slotMs: SLOT_MS,
  aggregates: { count: { kind: 'count' }, bytes: { kind: 'sum', field: 'bytes' } },
})

async function storeBoards(objects: FolderStore, keyed: SqliteStore): Promise<void> {
  const boards = new BoardStore({ keyed, objects })
  for (let partition = 0; partition < PARTITIONS; partition++) {
    let offset = 0
    await declareSince(keyed, view, { topic: TOPIC, partition }, { from: 0, mixed: false })
    for (const slot of slotsBetween(HORIZON * EPOCH_MS, END_MS, SLOT_MS)) {
      const entries = KEYS.map((service) => {
        const entry: OkEntry = {
          site: 'here',
          topic: TOPIC,
          partition,
          offset: offset++,
          appendTime: slot,
          eventTime: slot,
          outcome: 'ok',
          value: { service, bytes: 100 },
        }
        return { origin: entry.offset, entry, keys: [service] }
      })
      const epoch = Math.floor(slot / EPOCH_MS)
      await boards.apply(view, { slot, epoch, topic: TOPIC, partition }, entries)
    }
    const at = { stage: 'count', topic: 'bench.enriched.g1', partition }
    const progress = { nextOffset: offset, highestOrigin: offset - 1, views: [versionName(view)] }
    await moveProgress(keyed, at, NO_PROGRESS, progress)
  }
}

interface Timed {
  readonly name: string
  readonly times: number[]
  /** CPU time of all of them, garbage collection included, ms. */
  cpuMs: number
  run(i: number): Promise<unknown>
}

async function main(dir: string): Promise<void> {
  const keyed = await SqliteStore.open(join(dir, 'state.db'))
  const objects = await FolderStore.open(join(dir, 'objects'), { fsync: 'never' })
  await storeBatchView({ keyed, objects }, view, {
    keys: KEYS,
    fromMs: START_MS,
    horizon: HORIZON,
    epochMs: EPOCH_MS,
    states: (slot) => [(slot / SLOT_MS) % 977, slot % 1_000_003],
  })
  await storeBoards(objects, keyed)
  const keyAt = (i: number) => KEYS[(i * 31) % KEYS.length]
  const slotAt = (i: number) => START_MS + ((i * 7_919) % ((DAYS * 86_400_000) / SLOT_MS)) * SLOT_MS
  const ask = async (options: QueryOptions, store = objects) => {
    const { rows } = await queryView({ keyed, objects: store }, view, options, END_MS)
    if (rows.length !== 1) throw new Error(`expected one row, got ${rows.length}`)
  }
  const oneSlot = (i: number) => ({ key: keyAt(i), from: slotAt(i), to: slotAt(i) + SLOT_MS })
  const timed: Timed[] = [
    { name: 'floor: a get', times: [], cpuMs: 0, run: () => keyed.get('batch/bench', 'pointer') },
    { name: 'slot', times: [], cpuMs: 0, run: (i) => ask(oneSlot(i)) },
    {
      name: 'recent',
      times: [],
      cpuMs: 0,
      run: (i) => ask({ key: keyAt(i), from: HORIZON * EPOCH_MS - SLOT_MS }),
    },
    { name: 'month', times: [], cpuMs: 0, run: (i) => ask({ key: keyAt(i) }) },
  ]
  const [floor, ...kinds] = timed
  // Kind after kind, so that none pays for the garbage of another.
  for (const kind of kinds)
    for (let i = 0; i < QUESTIONS; i++)
      for (const one of floor === undefined ? [kind] : [floor, kind]) {
        const startCpu = process.cpuUsage()
        const startMs = performance.now()
        await one.run(i)
        one.times.push(performance.now() - startMs)
        one.cpuMs += cpuSince(startCpu)
      }
  const cold: Timed = { name: 'cold', times: [], cpuMs: 0, run: async () => undefined }
  for (let i = 0; i < Math.min(QUESTIONS, 300); i++) {
    // What is cached is cached for a store.
    const fresh = await FolderStore.open(join(dir, 'objects'), { fsync: 'never' })
    const startCpu = process.cpuUsage()
    const startMs = performance.now()
    await ask(oneSlot(i), fresh)
    cold.times.push(performance.now() - startMs)
    cold.cpuMs += cpuSince(startCpu)
    await fresh.close()
  }
  print([...timed, cold])
  await keyed.close()
  await objects.close()
}

function cpuSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1000
}

function print(all: readonly Timed[]): void {
  const quantile = (times: readonly number[], q: number) =>
    [...times].sort((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * q))] ?? 0
  const floor = quantile(all[0]?.times ?? [], 0.5)
  console.log(`${KEYS.length} keys, ${DAYS} days of 5-minute slots, ${QUESTIONS} questions; ms`)
  for (const { name, times, cpuMs } of all) {
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)]
    const ratio = `${(p50 / floor).toFixed(0)} x floor`.padEnd(14)
    const cpu = `CPU ${(cpuMs / times.length).toFixed(3)} each`
    console.log(
      `${name.padEnd(14)} p50 ${p50.toFixed(3).padStart(8)}  p99 ${p99.toFixed(3).padStart(8)}  ${ratio}${cpu}`,
    )
  }
}

const dir = await mkdtemp(join(tmpdir(), 'weir-point-query-'))
try {
  await main(dir)
} finally {
  await rm(dir, { recursive: true, force: true })
}
