import { describe, expect, it } from 'vitest'
import { ArchiveBehindError } from '../../lib/batch/frontier.ts'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import { queryView } from '../../lib/serve/query.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { ViewDefinition } from '../../lib/stream/view-definition.ts'
import { compileView } from '../../lib/views/view.ts'
import { driveRun, MemoryWorld } from '../batch/memory-world.ts'
import { answers, oracle } from '../batch/world.ts'
import { testStream } from '../master/test-stream.ts'

/** Rules 7 to 9 of docs/exactness.md: with the rule an answer is right or says what it lacks, without it it is wrong. */
const added: ViewDefinition = {
  title: 'Added by a release',
  groupBy: ['text'],
  slotMs: 60_000,
  aggregates: { sum: { kind: 'sum', field: 'integer' } },
}
const released: Stream = { ...testStream, views: { ...testStream.views, added } }
const view = compileView('test', 'added', added)

function feed(world: MemoryWorld, records: number): void {
  for (let i = 0; i < records; i++) world.append(i % 2, { text: `t${i % 3}`, integer: i + 1, list: [] })
}

/** `keyed` with some of its calls answered otherwise. */
function instead(keyed: KeyedStore, other: Partial<KeyedStore>): KeyedStore {
  return new Proxy(keyed, {
    get(target, name) {
      const member: unknown = Reflect.get(other, name) ?? Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

describe('a recompute while archive is behind in one partition (rule 7)', () => {
  const own = compileView('test', 'byText', testStream.views.byText as ViewDefinition)

  /** All is counted, and nothing of partition 1 archived. */
  async function behind(): Promise<MemoryWorld> {
    const world = new MemoryWorld(testStream)
    feed(world, 6)
    world.pass(200_000)
    feed(world, 2)
    for (const partition of [0, 1]) await world.count(partition)
    await world.archive(0)
    return world
  }

  async function due(world: MemoryWorld): Promise<readonly unknown[]> {
    await world.settle()
    return oracle(world.ports, testStream, own)
  }

  it('does not begin before the master reaches the ends of the log', async () => {
    const world = await behind()
    await expect(driveRun(world.ports, testStream, 'run')).rejects.toThrow(ArchiveBehindError)
    const answered = await answers(world.ports, own)
    expect(answered).toEqual(await due(world))
  })

  it('lies where it takes what is archived for all there is', async () => {
    const world = await behind()
    const archived = async (_: string, partition: number) => ({ start: 0, end: partition === 0 ? 4 : 0 })
    const log = Object.create(world.ports.log, { offsets: { value: archived } }) as typeof world.ports.log
    await driveRun({ ...world.ports, log }, testStream, 'run')
    const answered = await answers(world.ports, own)
    expect(answered).not.toEqual(await due(world))
  })
})

describe('a view that a release adds, recomputed up to before the records it was not counted for (rule 9)', () => {
  /** Records of an epoch whose boards lack the view, behind the horizon of the run. */
  async function released9(keyedOf: (keyed: KeyedStore) => KeyedStore) {
    const world = new MemoryWorld(testStream)
    feed(world, 6)
    await world.settle()
    world.pass(60_000)
    const plannedMs = world.clock.ms + 3_000
    feed(world, 6)
    await world.settle()
    world.stream = released
    feed(world, 6)
    await world.settle()
    world.clock.ms = plannedMs
    await driveRun(world.portsOn(keyedOf(world.keyed), world.objects), released, 'run')
    return world
  }

  it('is left as it was, and its answer says from when on it is complete', async () => {
    const world = await released9((keyed) => keyed)
    const { since } = await queryView(world.ports, view, {}, world.clock.ms)
    expect(since).not.toBeNull()
    world.pass(200_000)
    await driveRun(world.ports, released, 'next')
    expect((await queryView(world.ports, view, {}, world.clock.ms)).since).toBeNull()
    expect(await answers(world.ports, view)).toEqual(await oracle(world.ports, released, view))
  })

  it('is wrong, and says nothing, where runs and queries take its boards for complete', async () => {
    const complete = async function* (
      this: KeyedStore,
      pk: string,
      range?: Parameters<KeyedStore['query']>[1],
    ) {
      for await (const item of this.query(pk, range))
        yield pk.startsWith('view-since/')
          ? { ...item, data: Buffer.from(JSON.stringify({ from: 0, mixed: false })) }
          : item
    }
    const believing = (keyed: KeyedStore) => instead(keyed, { query: complete })
    const world = await released9(believing)
    const ports = world.portsOn(believing(world.keyed), world.objects)
    expect((await queryView(ports, view, {}, world.clock.ms)).since).toBeNull()
    expect(await answers(ports, view)).not.toEqual(await oracle(world.ports, released, view))
  })
})

describe('a query that read the pointer before a swap, and the boards after they went (rule 8)', () => {
  /** What a query answers under which two runs swap the views and delete what they replaced. */
  async function overtaken(keyedOf: (keyed: KeyedStore) => KeyedStore) {
    const world = new MemoryWorld(testStream)
    const own = compileView('test', 'byText', testStream.views.byText as ViewDefinition)
    feed(world, 12)
    await world.settle()
    const ports = world.portsOn(keyedOf(world.keyed), world.objects)
    let swapped = false
    const swap = async () => {
      if (swapped) return
      swapped = true
      for (const run of ['first', 'second', 'third']) {
        world.pass(90_000_000)
        feed(world, 1)
        await world.settle()
        world.pass(90_000_000)
        await driveRun(ports, testStream, run)
      }
    }
    const boards = async function* (
      this: KeyedStore,
      pk: string,
      range?: Parameters<KeyedStore['query']>[1],
    ) {
      if (pk.startsWith('board/')) await swap()
      yield* this.query(pk, range)
    }
    const under = world.portsOn(instead(world.keyed, { query: boards }), world.objects)
    const answered = await answers(under, own)
    expect(swapped).toBe(true)
    return { answered, due: await oracle(world.ports, testStream, own) }
  }

  it('finds out, and answers by the pointer that stands', async () => {
    const { answered, due } = await overtaken((keyed) => keyed)
    expect(answered).toEqual(due)
  })

  it('lies where it was not recorded first which boards may be gone', async () => {
    const silent = async function (this: KeyedStore, ...[item, condition]: Parameters<KeyedStore['put']>) {
      return item.sk === 'expired' ? ({ ok: true } as const) : this.put(item, condition)
    }
    const { answered, due } = await overtaken((keyed) => instead(keyed, { put: silent }))
    expect(answered).not.toEqual(due)
  })
})
