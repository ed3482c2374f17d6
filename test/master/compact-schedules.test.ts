import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { compactStream } from '../../lib/master/compact.ts'
import { coverageProblems } from '../../lib/master/coverage.ts'
import type { MasterFile } from '../../lib/master/manifest.ts'
import { filesOf, readManifest } from '../../lib/master/manifest-store.ts'
import { masterRows } from '../../lib/master/read.ts'
import { sweepOrphans } from '../../lib/master/sweep.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import type { KafkaAnswer } from '../../lib/speed/kafka-event.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import {
  enrichedPartition,
  eventOf,
  firstOf,
  Gate,
  gatedHandler,
  gatedObjects,
  RAW,
  START_MS,
  seeded,
} from '../speed/archive-world.ts'
import { MemoryObjects } from './memory-objects.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

const ORIGINS = 60
const GRACE_MS = 6 * 3_600_000
const OPTIONS = { targetBytes: 30_000, sealItems: 3 }

async function rowsOf(objects: ObjectStore): Promise<Entry[]> {
  const rows: Entry[] = []
  for await (const some of masterRows({ objects }, { name: 'test' })) rows.push(...some)
  return rows
}

/** What happened, to see that a schedule is worth running. */
interface Happened {
  reads: number
  swaps: number
  swept: number
  abandoned: number
}

/**
 * Archive, compactions, sweeps and readers over one partition, each request of theirs in an order that the seed decides,
 * with lost answers, refused requests and kills; the clock runs so fast that writers are held up for hours between
 * writing and committing. Every reader that lives no longer than the grace sees every offset once.
 */
class World {
  readonly objects = new MemoryObjects()
  readonly gate = new Gate()
  readonly happened: Happened = { reads: 0, swaps: 0, swept: 0, abandoned: 0 }
  readonly #random: (n: number) => number
  readonly #log: readonly Entry[]
  readonly expected: readonly Entry[]
  readonly #failures: unknown[] = []
  #calm = false
  #callers = 0
  #delivered = 0
  #owner: { id: number; to: number; answer?: KafkaAnswer } | undefined
  /** By kind, how many are under way. */
  readonly #busy = { compact: 0, sweep: 0, read: 0 }

  constructor(seed: number) {
    this.#random = seeded(seed)
    this.#log = enrichedPartition(this.#random, ORIGINS, [], 300_000)
    this.expected = firstOf(this.#log)
    this.objects.nowMs = START_MS
  }

  readonly clock = { nowMs: () => this.objects.nowMs }

  async run(): Promise<void> {
    const all = this.#log.length
    for (let step = 0; this.#delivered < all || this.#busyNow(); step++) {
      if (step > 40_000) throw new Error('the schedule does not come to its end')
      this.#calm = step > 3_000
      this.objects.nowMs += this.#random(5) === 0 ? this.#random(this.#calm ? 1_000 : 1_800_000) : 0
      this.#begin()
      await this.gate.step(this.#random)
      await new Promise((resolve) => setImmediate(resolve))
      this.#settle()
      const [failure] = this.#failures
      if (failure !== undefined) throw failure
    }
  }

  /** Requests of killed and replaced callers that still wait: they may come at any time. */
  async zombies(): Promise<void> {
    this.#calm = true
    while (await this.gate.step(this.#random)) await new Promise((resolve) => setImmediate(resolve))
  }

  #busyNow(): boolean {
    return this.#owner !== undefined || Object.values(this.#busy).some((n) => n > 0)
  }

  #begin(): void {
    if (this.#owner === undefined && this.#delivered < this.#log.length) this.#archive()
    if (this.#delivered >= this.#log.length) return
    const dice = this.#random(40)
    if (dice < 3 && this.#busy.compact < 2) this.#start('compact', (objects) => this.#compact(objects))
    if (dice >= 3 && dice < 6 && this.#busy.sweep < 1) this.#start('sweep', (objects) => this.#sweep(objects))
    if (dice > 35 && this.#busy.read < 2) this.#read()
  }

  readonly #fate = () => {
    const dice = this.#calm ? 99 : this.#random(40)
    return dice === 0 ? ('lost' as const) : dice === 1 ? ('refused' as const) : ('done' as const)
  }

  #archive(): void {
    const to = Math.min(this.#log.length, this.#delivered + 1 + this.#random(12))
    const mine: { id: number; to: number; answer?: KafkaAnswer } = { id: this.#callers++, to }
    this.#owner = mine
    const handler = gatedHandler(this.objects, this.gate, mine.id, this.#fate, [])
    const context = { getRemainingTimeInMillis: () => 60_000 }
    void handler(eventOf(this.#log, this.#delivered, to), context).then((answer) => {
      mine.answer = answer
    })
  }

  /** Lets go of an attempt of archive that has ended, or sometimes of one that has not: killed, or a zombie from now on. */
  #settle(): void {
    const owner = this.#owner
    if (owner === undefined) return
    if (owner.answer !== undefined) {
      if (owner.answer.batchItemFailures.length === 0) this.#delivered = owner.to
      this.#owner = undefined
    } else if (!this.#calm && this.#random(12) === 0) {
      if (this.#random(3) === 0) this.gate.kill(owner.id)
      this.#owner = undefined
    }
  }

  /** Work that may fail or be killed at any request. */
  #start(kind: 'compact' | 'sweep', work: (objects: ObjectStore) => Promise<void>): void {
    const id = this.#callers++
    this.#busy[kind]++
    const over = () => {
      this.#busy[kind]--
    }
    if (!this.#calm && this.#random(4) === 0) {
      let left = this.#random(30)
      const store = gatedObjects(this.objects, this.gate, id, () => {
        if (left-- === 0) this.gate.kill(id)
        return this.#fate()
      })
      void work(store).catch(() => undefined)
      over()
      return
    }
    void work(gatedObjects(this.objects, this.gate, id, this.#fate))
      .catch(() => undefined)
      .then(over)
  }

  async #compact(objects: ObjectStore): Promise<void> {
    const openHours = this.#random(2) === 0
    const { written, abandoned } = await compactStream({ objects, clock: this.clock }, 'test', {
      ...OPTIONS,
      openHours,
    })
    this.happened.swaps += written
    this.happened.abandoned += abandoned
  }

  async #sweep(objects: ObjectStore): Promise<void> {
    const swept = await sweepOrphans({ objects, clock: this.clock }, 'test', { graceMs: GRACE_MS })
    this.happened.swept += swept.objects
  }

  /** Each request waits its turn several times over, so that a reader lives about as long as the grace. */
  #slowStore(id: number): ObjectStore {
    const store = gatedObjects(this.objects, this.gate, id, () => 'done')
    const get: ObjectStore['get'] = async (...args) => {
      for (let turns = this.#random(8); turns > 0; turns--)
        await this.gate.request(
          id,
          async () => undefined,
          () => 'done',
        )
      return store.get(...args)
    }
    return { ...store, get }
  }

  #read(): void {
    const begunMs = this.objects.nowMs
    this.#busy.read++
    rowsOf(this.#slowStore(this.#callers++))
      .then((rows) => {
        this.happened.reads++
        expect(rows).toEqual(this.expected.slice(0, rows.length))
      })
      .catch((error: unknown) => {
        if (this.objects.nowMs - begunMs < GRACE_MS) this.#failures.push(error)
      })
      .finally(() => {
        this.#busy.read--
      })
  }
}

async function check(world: World): Promise<void> {
  const { objects, expected, clock } = world
  const whole = async () => {
    const { manifest } = await readManifest(objects, 'test', RAW, 0)
    const files: MasterFile[] = []
    for await (const file of filesOf(objects, manifest)) files.push(file)
    expect(coverageProblems(files, manifest.progress.highestOrigin + 1, [])).toEqual([])
    expect(await rowsOf(objects)).toEqual(expected)
    return files
  }
  await whole()
  const compacted = await compactStream({ objects, clock }, 'test', { ...OPTIONS, openHours: true })
  expect(compacted).toMatchObject({ abandoned: 0, problems: [], complete: true })
  const files = await whole()
  for (const [i, file] of files.entries()) {
    const next = files[i + 1]
    const isSmall = (one: MasterFile | undefined) => (one?.sizeBytes ?? 1e9) < OPTIONS.targetBytes / 2
    const hour = (one: MasterFile | undefined) => Math.floor((one?.minAppendMs ?? 0) / 3_600_000)
    if (hour(file) === hour(next)) expect(isSmall(file) && isSmall(next)).toBe(false)
  }
  const again = await compactStream({ objects, clock }, 'test', { ...OPTIONS, openHours: true })
  expect(again).toMatchObject({ written: 0, replaced: 0 })
  objects.nowMs += GRACE_MS + 3_600_001
  await sweepOrphans({ objects, clock }, 'test', { graceMs: GRACE_MS })
  await whole()
  // Nothing is left but what the manifest refers to.
  const left = [...objects.held.keys()].filter((key) => key.endsWith('.parquet'))
  expect(left.sort()).toEqual(files.map(({ key }) => key).sort())
}

describe('archive, compaction, sweep and readers', () => {
  it('in any interleaving, with crashes: every reader sees every offset once', async () => {
    const sum: Happened = { reads: 0, swaps: 0, swept: 0, abandoned: 0 }
    const rare = () => Object.values(sum).some((count) => count <= 5)
    const runs = Number(process.env.WEIR_RUNS ?? 25)
    // More of them until the schedules have done what they are for, which in a few may not happen.
    for (let done = 0; done < runs || (done < 40 * runs && rare()); done += runs)
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const world = new World(seed)
          await world.run()
          await world.zombies()
          await check(world)
          for (const name of ['reads', 'swaps', 'swept', 'abandoned'] as const)
            sum[name] += world.happened[name]
        }),
        { numRuns: runs },
      )
    expect(sum).toSatisfy(() => !rare())
  }, 240_000)
})
