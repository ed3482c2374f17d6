import { describe, expect, it } from 'vitest'
import { unpackHead } from '../../lib/state/board-body.ts'
import { BoardStore, sortKey } from '../../lib/state/boards.ts'
import { PartCache } from '../../lib/state/part-cache.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { compileView } from '../../lib/views/view.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { testStream } from '../master/test-stream.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

const view = compileView(
  'test',
  'byText',
  testStream.views.byText as NonNullable<typeof testStream.views.byText>,
)
const KEY = { slot: 0, epoch: 0, topic: 'test.raw.g1', partition: 0 }

/** A board of `parts` parts, each of `keys` keys of its own. */
async function boardOf(parts: number, keys: number) {
  const objects = new MemoryObjects()
  const keyed = new MemoryKeyed()
  const store = new BoardStore({ keyed, objects }, { inlineBytesMax: 60 })
  for (let part = 0; part < parts; part++) {
    const entries = Array.from({ length: keys }, (_, i) => {
      const offset = part * keys + i
      const value = { text: `${part}-${i}` }
      const entry: Entry = {
        ...{ site: 'here', topic: KEY.topic, partition: 0, offset, appendTime: 0, eventTime: 0 },
        ...{ outcome: 'ok', value },
      }
      return { origin: offset, entry, keys: view.keysOf(entry) }
    })
    await store.apply(view, KEY, entries)
  }
  const [item] = [...keyed.items.values()]
  if (item === undefined) throw new Error('no board')
  let reads = 0
  const get = objects.get.bind(objects)
  objects.get = async (key) => {
    reads++
    return get(key)
  }
  return { objects, head: unpackHead(view, item.data), reads: () => reads }
}

describe('parts that are kept', () => {
  const wanted = new Set(['0-1', '1-1'])

  it('are read once, and hold every key of theirs', async () => {
    const { objects, head, reads } = await boardOf(3, 20)
    const cache = new PartCache(objects)
    expect(head.parts).toHaveLength(3)
    for (let round = 0; round < 3; round++)
      for (const part of head.parts)
        expect((await cache.read(view, sortKey(KEY), part, wanted))?.keys.size).toBe(20)
    expect(reads()).toBe(3)
  })

  it('make room for others, the longest unused first', async () => {
    const { objects, head, reads } = await boardOf(3, 20)
    const [a, b, c] = head.parts
    if (a === undefined || b === undefined || c === undefined) throw new Error('expected three parts')
    // Two of them, each with 20 keys and what a board weighs besides.
    const cache = new PartCache(objects, 80)
    for (const part of [a, b, a, c, a]) await cache.read(view, sortKey(KEY), part, wanted)
    expect(reads()).toBe(3)
    await cache.read(view, sortKey(KEY), b, wanted)
    expect(reads()).toBe(4)
  })

  it('are read for the wanted keys alone, each time, where one would drive out the others', async () => {
    const { objects, head, reads } = await boardOf(1, 40)
    const [part] = head.parts
    if (part === undefined) throw new Error('expected a part')
    const cache = new PartCache(objects, 100)
    for (let round = 0; round < 2; round++)
      expect([...((await cache.read(view, sortKey(KEY), part, wanted))?.keys.keys() ?? [])]).toEqual(['0-1'])
    expect(reads()).toBe(2)
  })

  it('that are gone are undefined, and looked for again', async () => {
    const { objects, head } = await boardOf(1, 20)
    const [part] = head.parts
    if (part === undefined) throw new Error('expected a part')
    const cache = new PartCache(objects)
    const [[name, held] = []] = [...objects.held]
    objects.held.clear()
    expect(await cache.read(view, sortKey(KEY), part, wanted)).toBeUndefined()
    if (name !== undefined && held !== undefined) objects.held.set(name, held)
    expect((await cache.read(view, sortKey(KEY), part, wanted))?.keys.size).toBe(20)
  })
})
