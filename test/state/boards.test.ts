import { describe, expect, it } from 'vitest'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import { partsOfItem } from '../../lib/state/board-body.ts'
import { mergedWith } from '../../lib/state/board-parts.ts'
import { type BoardKey, BoardStore, type BoardStores, readBoards } from '../../lib/state/boards.ts'
import { sweepBoards } from '../../lib/state/sweep-boards.ts'
import type { OkEntry } from '../../lib/stream/entry.ts'
import { applyToBoard, EMPTY_BOARD, type Numbered } from '../../lib/views/board.ts'
import { compileView } from '../../lib/views/view.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { Schedule, scheduled } from '../support/schedule.ts'

const view = compileView('shop', 'byTag', {
  title: '',
  groupBy: ['tags'],
  slotMs: 60_000,
  aggregates: {
    count: { kind: 'count' },
    total: { kind: 'sum', field: 'price' },
    buyers: { kind: 'distinct', field: 'buyer', precision: 8 },
    things: { kind: 'top', field: 'thing', capacity: 8 },
  },
})
const KEY: BoardKey = { slot: 0, epoch: 7, topic: 'shop.raw.g1', partition: 0 }

function entryOf(origin: number): Numbered {
  const tags = [`t${(origin * 7) % 23}`, `t${(origin * 3) % 11}`]
  const value = { tags, price: origin, buyer: origin % 40, thing: `thing ${(origin * 5) % 17}` }
  const entry: OkEntry = {
    ...{ site: 's', topic: KEY.topic, partition: KEY.partition, offset: origin, appendTime: 0, eventTime: 0 },
    outcome: 'ok',
    value,
  }
  return { origin, entry, keys: view.keysOf(entry) }
}

const ENTRIES = Array.from({ length: 120 }, (_, origin) => entryOf(origin))

/** What a board holds, in a form that can be compared. */
async function held(stores: BoardStores): Promise<unknown> {
  const found: unknown[] = []
  for await (const { board } of readBoards(stores, view)) found.push(textOf(board))
  return found
}

function textOf({ mark, keys }: typeof EMPTY_BOARD) {
  return { mark, keys: new Map([...keys].map(([key, states]) => [key, JSON.stringify(view.toJson(states))])) }
}

const TRUTH = [textOf(applyToBoard(view, EMPTY_BOARD, ENTRIES))]

interface World {
  readonly stores: { readonly keyed: MemoryKeyed; readonly objects: MemoryObjects }
  readonly schedule: Schedule
}

/**
 * Two environments and their zombies work on one board over stores that fail, lose answers and interleave; parts are swept
 * at any moment. `faulty` takes a rule away
 * from what the environments see.
 */
async function run(
  seed: number,
  sweep: (world: World) => Promise<unknown>,
  faulty: (keyed: KeyedStore) => KeyedStore = (keyed) => keyed,
): Promise<World> {
  const stores = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
  const schedule = new Schedule(seed, { fail: 0.06, lose: 0.06, late: 0 })
  const world = { stores, schedule }
  const unsure = {
    keyed: scheduled(faulty(stores.keyed), ['put', 'get'], schedule),
    objects: scheduled(stores.objects, ['put', 'get'], schedule),
  }
  const environments = [0, 1].map(() => new BoardStore(unsure, { inlineBytesMax: 400 }))
  const zombies: Promise<unknown>[] = []
  const { random } = schedule
  let next = 0
  // With a rule off a board may have become unreadable, and no attempt gets any further.
  for (let attempts = 0; next < ENTRIES.length && attempts < 150; attempts++) {
    const from = Math.max(0, next - Math.floor(random() * 8))
    const to = Math.min(ENTRIES.length, next + 1 + Math.floor(random() * 9))
    const environment = environments[Math.floor(random() * 2)]
    const attempt = environment?.apply(view, KEY, ENTRIES.slice(from, to)).then(
      () => true,
      () => false,
    )
    if (random() < 0.3) {
      zombies.push(attempt ?? Promise.resolve())
      await schedule.turn()
      await sweep(world)
    } else if (await attempt) {
      next = to
    }
  }
  await Promise.all(zombies)
  return world
}

function countingGets(keyed: KeyedStore, onGet: () => void): KeyedStore {
  return new Proxy(keyed, {
    get(target, name) {
      if (name === 'get') onGet()
      const member: unknown = Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
}

const SEEDS = Array.from({ length: 150 }, (_, i) => i + 1)

/** On how many seeds the board is not what its entries make, or cannot be read any more. */
async function broken(make: (seed: number) => Promise<World>): Promise<number> {
  let count = 0
  for (const seed of SEEDS) {
    const { stores } = await make(seed)
    const found = await held(stores).catch(() => 'unreadable')
    try {
      expect(found).toEqual(TRUTH)
    } catch {
      count++
    }
  }
  return count
}

const sweep = ({ stores }: World) => sweepBoards(stores, 'shop')

describe('boards in parts', () => {
  it('hold every entry once under every schedule of crashes, repeats, zombies and sweeps', async () => {
    let merged = 0
    for (const seed of SEEDS) {
      const { stores } = await run(seed, sweep)
      expect(await held(stores), `seed ${seed}`).toEqual(TRUTH)
      const before = stores.objects.held.size
      const swept = await sweepBoards(stores, 'shop')
      expect(await held(stores), `seed ${seed}, swept`).toEqual(TRUTH)
      const [item] = [...stores.keyed.items.values()]
      expect(stores.objects.held.size).toBe(partsOfItem(item?.data ?? new Uint8Array()).length)
      expect(before - swept).toBe(stores.objects.held.size)
      merged += swept
    }
    expect(merged).toBeGreaterThan(150)
  }, 240_000)

  it('are read as they stood at one mark, whatever is written, merged and swept meanwhile', async () => {
    let reads = 0
    let again = 0
    for (const seed of SEEDS.slice(0, 60)) {
      const looks: Promise<void>[] = []
      const slow = new Schedule(seed + 1_000, { fail: 0, lose: 0, late: 0 })
      await run(seed, async (world) => {
        const { keyed, objects } = world.stores
        const slowly = {
          keyed: countingGets(scheduled(keyed, ['get'], slow), () => again++),
          // Each get takes so long that the board has often moved on twice.
          objects: [1, 2, 3, 4].reduce((inner) => scheduled(inner, ['get'], slow), objects),
        }
        looks.push(
          (async () => {
            for await (const { board } of readBoards(slowly, view)) {
              const due = ENTRIES.slice(0, board.mark + 1)
              expect(textOf(board), `seed ${seed}`).toEqual(textOf(applyToBoard(view, EMPTY_BOARD, due)))
              reads++
            }
          })(),
        )
        await slow.turn()
        await sweepBoards(world.stores, 'shop')
      })
      await Promise.all(looks)
    }
    expect(reads).toBeGreaterThan(200)
    // Some found a part swept, and read the item again.
    expect(again).toBeGreaterThan(5)
  }, 240_000)

  it('would not without the condition on the mark', async () => {
    const unconditional = (keyed: KeyedStore): KeyedStore => ({
      maxItemBytes: keyed.maxItemBytes,
      get: (...args) => keyed.get(...args),
      put: (item) => keyed.put(item, 'any'),
      transact: (...args) => keyed.transact(...args),
      query: (...args) => keyed.query(...args),
      delete: (...args) => keyed.delete(...args),
      close: () => keyed.close(),
    })
    expect(await broken((seed) => run(seed, sweep, unconditional))).toBeGreaterThan(15)
  }, 240_000)

  it('would not if a sweep took what an attempt has put and may still come to list', async () => {
    const hasty = async ({ stores }: World) => {
      const listed = new Set(
        [...stores.keyed.items.values()].flatMap(({ data }) => partsOfItem(data).map(({ name }) => name)),
      )
      for (const key of [...stores.objects.held.keys()])
        if (!listed.has(key.split('/').at(-1) ?? '')) await stores.objects.delete(key)
    }
    expect(await broken((seed) => run(seed, hasty))).toBeGreaterThan(5)
  }, 240_000)

  it('are written anew about once for each fourfold, and are never in many parts', async () => {
    const stores = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
    let putBytes = 0
    const counting = {
      keyed: stores.keyed,
      objects: Object.assign(Object.create(stores.objects) as MemoryObjects, {
        put: async (...args: Parameters<MemoryObjects['put']>) => {
          putBytes += args[1].length
          return stores.objects.put(...args)
        },
      }),
    }
    const store = new BoardStore(counting, { inlineBytesMax: 1_000 })
    const tags = 20_000
    for (let from = 0; from < tags; from += 100) {
      const entries = Array.from({ length: 100 }, (_, i): Numbered => {
        const one = entryOf(from + i)
        return { ...one, keys: [`tag-${((from + i) * 7919) % tags}`] }
      })
      await store.apply(view, KEY, entries)
      const [item] = [...stores.keyed.items.values()]
      expect(partsOfItem(item?.data ?? new Uint8Array()).length).toBeLessThanOrEqual(3 * 6)
    }
    await sweepBoards(stores, 'shop')
    const kept = [...stores.objects.held.values()].reduce((sum, { bytes }) => sum + bytes.length, 0)
    expect(putBytes / kept).toBeLessThan(5)
    const [board] = (await held(stores)) as { keys: Map<string, string> }[]
    expect(board?.keys.size).toBe(tags)
  })
})

describe('the parts that are merged', () => {
  const parts = (...keys: number[]) => keys.map((n, i) => ({ name: `${i}`, keys: n }))

  it('are those of one tier once it is full, and of the next where that fills it', () => {
    expect(mergedWith([], 100)).toBe(0)
    expect(mergedWith(parts(100, 100), 100)).toBe(0)
    expect(mergedWith(parts(100, 100, 100), 100)).toBe(3)
    expect(mergedWith(parts(5_000, 100, 100, 100), 100)).toBe(3)
    expect(mergedWith(parts(400, 400, 400, 100, 100, 100), 100)).toBe(6)
    expect(mergedWith(parts(10, 10, 10), 5_000)).toBe(3)
  })

  it('are never more than fit into memory', () => {
    expect(mergedWith(parts(40_000, 40_000, 40_000), 40_000)).toBe(0)
    expect(mergedWith(parts(30_000, 30_000, 30_000), 30_000)).toBe(3)
  })
})

it('boards are written at once, but large merges take turns', async () => {
  const stores = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
  const merging = new Set<string>()
  let atOnce = 0
  let merges = 0
  const watched = new Proxy(stores.objects, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return async (key: string, ...rest: unknown[]) => {
        const place = key.slice(0, key.lastIndexOf('/'))
        if (name === 'get') merging.add(place)
        atOnce = Math.max(atOnce, merging.size)
        await new Promise((resolve) => setTimeout(resolve, 2))
        if (name === 'put' && merging.delete(place)) merges++
        return member.call(target, key, ...rest)
      }
    },
  })
  const store = new BoardStore({ keyed: stores.keyed, objects: watched })
  const counted = compileView('shop', 'counted', { ...view.definition, aggregates: { n: { kind: 'count' } } })
  for (let round = 0; round < 4; round++)
    await Promise.all(
      [0, 1, 2, 3].map((partition) => {
        const keys = Array.from({ length: 6_000 }, (_, i) => String(Math.imul(i + round * 6_000, 0x9e3779b1)))
        const entries = [{ ...entryOf(round), keys }]
        return store.apply(counted, { ...KEY, partition }, entries)
      }),
    )
  expect(merges).toBe(4)
  expect(atOnce).toBe(1)
})

it('boards are read of some keys alone, tail and parts', async () => {
  const stores = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
  const store = new BoardStore(stores, { inlineBytesMax: 1_000 })
  for (let from = 0; from < ENTRIES.length; from += 10)
    await store.apply(view, KEY, ENTRIES.slice(from, from + 10))
  const all = applyToBoard(view, EMPTY_BOARD, ENTRIES)
  for (const keys of [['t3'], ['t0', 't22', 'nobody'], []]) {
    const { value: found } = await readBoards(stores, view, { keys: new Set(keys) }).next()
    const due = new Map([...all.keys].filter(([key]) => keys.includes(key)))
    expect(textOf(found?.board ?? EMPTY_BOARD)).toEqual(textOf({ mark: all.mark, keys: due }))
  }
})
