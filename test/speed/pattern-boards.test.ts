import { describe, expect, it } from 'vitest'
import type { KeyedStore, QueryRange } from '../../lib/ports/keyed-store.ts'
import { PatternBoards } from '../../lib/speed/pattern-boards.ts'
import { BoardStore } from '../../lib/state/boards.ts'
import { PartCache } from '../../lib/state/part-cache.ts'
import { AT_ONCE } from '../../lib/stream/at-once.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { compileView } from '../../lib/views/view.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { RAW, START_MS } from './archive-world.ts'

const SLOT_MS = 60_000
const START = START_MS - (START_MS % SLOT_MS)
const AT = { topic: RAW, partition: 0 }
const VIEW = compileView('test', 'all', {
  title: '',
  groupBy: ['source'],
  slotMs: SLOT_MS,
  aggregates: { count: { kind: 'count' } },
})
const slotAt = (n: number) => START + n * SLOT_MS

/** A store that notes its queries, and answers each only after a turn in which others could have come. */
class Watched extends MemoryKeyed {
  queries = 0
  most = 0
  #underWay = 0

  override async *query(pk: string, range?: QueryRange) {
    this.queries++
    this.#underWay++
    this.most = Math.max(this.most, this.#underWay)
    await new Promise((resolve) => setImmediate(resolve))
    yield* super.query(pk, range)
    this.#underWay--
  }
}

/** Boards of `s1`, a record in each of the slots. */
async function worldWith(slots: readonly number[]) {
  const keyed = new Watched()
  const objects = new MemoryObjects()
  const store = new BoardStore({ keyed, objects })
  for (const [origin, n] of slots.entries()) await put(store, n, origin)
  return { keyed, store, boards: boardsOf(keyed, objects) }
}

function boardsOf(keyed: KeyedStore, objects: MemoryObjects) {
  return new PatternBoards({ keyed, objects }, VIEW, AT, new PartCache(objects))
}

async function put(store: BoardStore, n: number, origin: number) {
  const appendTime = slotAt(n)
  const head = { site: 'here', ...AT, offset: origin, appendTime, eventTime: appendTime }
  const entry: Entry = { ...head, outcome: 'ok', value: { source: 's1' } }
  const key = { slot: slotAt(n), epoch: START, ...AT }
  return { key, head: await store.apply(VIEW, key, [{ origin, entry, keys: ['s1'] }]) }
}

async function inBoards(boards: PatternBoards, slots: readonly number[]) {
  const inSlot = await boards.load(new Set(slots.map(slotAt)), new Set(['s1']))
  return slots.filter((n) => inSlot(slotAt(n), 's1') !== undefined)
}

describe('boards that patterns read', () => {
  const far = Array.from({ length: 100 }, (_, i) => i * 100)

  it('are asked for many at once where their slots lie far apart', async () => {
    const { keyed, boards } = await worldWith(far)
    expect(await inBoards(boards, [...far, 50, 150])).toEqual(far)
    expect(keyed.queries).toBe(102)
    expect(keyed.most).toBe(AT_ONCE)
  })

  it('are asked for together where few slots lie between, of which nothing is kept', async () => {
    const { keyed, store, boards } = await worldWith([0, 3, 5, 11])
    expect(await inBoards(boards, [0, 5, 11])).toEqual([0, 5, 11])
    expect(keyed.queries).toBe(2)
    // Another record of a slot that was only passed by: a later batch is to see it.
    await put(store, 2, 9)
    expect(await inBoards(boards, [2, 3, 4])).toEqual([2, 3])
    expect(keyed.queries).toBe(3)
  })

  it('are read no second time, and those of an empty slot show what the run writes there', async () => {
    const { keyed, store, boards } = await worldWith([0])
    expect(await inBoards(boards, [0, 1, 2])).toEqual([0])
    const { key, head } = await put(store, 1, 1)
    boards.wrote(key, head)
    expect(await inBoards(boards, [0, 1, 2])).toEqual([0, 1])
    expect(keyed.queries).toBe(1)
  })
})
