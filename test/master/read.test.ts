import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeParquet } from '../../lib/formats/parquet-write.ts'
import { manifestFiles, masterRows, masterValues, rowsOfFile } from '../../lib/master/read.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { LocalWorld } from './local-world.ts'
import { MemoryObjects } from './memory-objects.ts'
import { testStream } from './test-stream.ts'

let world: LocalWorld

beforeEach(async () => {
  world = await LocalWorld.open(testStream)
  for (let i = 0; i < 30; i++) {
    world.clock.ms += 10 * 60_000
    const good = JSON.stringify({ text: `t${i}`, integer: i, unknown: { deep: [i] } })
    await world.feed(i % 2, i % 10 === 9 ? 'garbage' : good)
  }
  await world.run()
})
afterEach(() => world.ports.close())

async function rows(options?: Parameters<typeof masterRows>[2]): Promise<Entry[]> {
  const all: Entry[] = []
  for await (const some of masterRows(world.ports, testStream, options)) all.push(...some)
  return all
}

async function values(options?: Parameters<typeof masterValues>[2]): Promise<unknown[]> {
  const all: unknown[] = []
  for await (const some of masterValues(world.ports, testStream, options)) all.push(...some)
  return all
}

describe('reading the master', () => {
  it('gives all rows in order of partition and offset, whatever their outcome', async () => {
    const all = await rows()
    expect(all.map(({ partition, offset }) => [partition, offset])).toEqual(
      [0, 1].flatMap((partition) => Array.from({ length: 15 }, (_, offset) => [partition, offset])),
    )
    expect(all.filter(({ outcome }) => outcome === 'dead').length).toBe(3)
  })

  it('gives records that passed, with the fields asked for and those no schema knows', async () => {
    expect((await values()).length).toBe(27)
    expect((await values())[1]).toEqual({ text: 't2', integer: 2, unknown: { deep: [2] } })
    expect((await values({ fields: ['integer'] })).slice(0, 2)).toEqual([{ integer: 0 }, { integer: 2 }])
    expect((await values({ fields: ['unknown'] }))[1]).toEqual({ unknown: { deep: [2] } })
    expect((await values({ fields: ['no_such_field'] }))[0]).toEqual({})
  })

  it('gives the rows of some offsets of one partition', async () => {
    const some = await rows({ partition: 1, from: 3, to: 9, columns: ['text'] })
    expect(some.map(({ partition, offset }) => [partition, offset])).toEqual(
      [3, 4, 5, 6, 7, 8].map((offset) => [1, offset]),
    )
    expect(some[0]).toMatchObject({ outcome: 'ok', value: { text: 't7' } })
    expect(Object.keys(some[0]?.outcome === 'ok' ? some[0].value : {})).toEqual(['text'])
    expect(await rows({ topic: 'test.raw.g2' })).toEqual([])
  })

  it('goes by the manifest: a file that no manifest lists is not read', async () => {
    const before = await rows()
    for await (const { file } of manifestFiles(world.ports.objects, 'test')) {
      const stored = await world.ports.objects.get(file.key)
      if (stored !== undefined)
        await world.ports.objects.put(`${file.key.slice(0, -8)}-twin.parquet`, stored.bytes)
    }
    expect(await rows()).toEqual(before)
  })

  it('says which file is gone', async () => {
    for await (const { file } of manifestFiles(world.ports.objects, 'test', { partition: 1 })) {
      await world.ports.objects.delete(file.key)
      await expect(rows()).rejects.toThrow(`${file.key} is gone though its manifest lists it`)
      return
    }
  })

  it('fetches of a large file only the ranges that the columns asked for lie in', async () => {
    const head = { site: 's', topic: 't.raw.g1', partition: 0, appendTime: 1, eventTime: 2 }
    const entries = Array.from({ length: 20_000 }, (_, offset): Entry => {
      const value = { text: randomBytes(450).toString('base64'), integer: offset }
      return { ...head, offset, outcome: 'ok', value }
    })
    const bytes = writeParquet(testStream.columns, entries)
    const objects = new MemoryObjects()
    await objects.put('large.parquet', bytes)
    let fetched = 0
    const counted = Object.create(objects, {
      get: {
        value: (key: string, range: { start: number; end: number }) => {
          fetched += range.end - range.start
          return objects.get(key, range)
        },
      },
    }) as MemoryObjects
    const found: Entry[] = []
    const file = { key: 'large.parquet', sizeBytes: bytes.length }
    for await (const some of rowsOfFile(counted, file, ['integer'])) found.push(...some)
    expect(found).toEqual(entries.map((entry) => ({ ...entry, value: { integer: entry.offset } })))
    expect(bytes.length).toBeGreaterThan(8 * 1024 * 1024)
    expect(fetched).toBeLessThan(bytes.length / 8)
  })
})
