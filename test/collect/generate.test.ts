import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Block, blockOf, recordAt } from '../../lib/collect/block.ts'
import { permutation, shuffled, stamped, stampUuid } from '../../lib/collect/generate.ts'
import type { ReadOptions, Source } from '../../lib/collect/source.ts'
import { absoluteSources, expandSources } from '../../lib/collect/sources.ts'
import { TokenBucket } from '../../lib/collect/token-bucket.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { inFolder } from './ports.ts'
import { wordStream } from './streams.ts'

const pointer = { key: 'k', sizeBytes: 1_000_000, sha256: 'x' }
const noSink = () => {
  throw new Error('no large record expected')
}
const read = (pass: number): ReadOptions => ({ pass, large: noSink })

function source(name: string, blocks: readonly Block[]): Source {
  return {
    name,
    repeatable: true,
    sizeBytes: 10,
    async *read() {
      yield* blocks
    },
  }
}

async function listed(from: Source, pass = 0) {
  const records: { text: string; position: number; index: number | undefined }[] = []
  for await (const block of from.read(read(pass))) {
    if (block.kind === 'large') records.push({ text: 'large', position: block.position, index: block.index })
    else
      for (let i = 0; i < block.count; i++)
        records.push({
          text: recordAt(block, i).toString(),
          position: block.position + i,
          index: block.indexes?.[i],
        })
  }
  return records
}

describe('shuffled', () => {
  const texts = Array.from({ length: 10_000 }, (_, i) => `record ${i}`)
  const blocks: Block[] = [
    blockOf(texts.slice(0, 10), 0),
    { kind: 'large', position: 10, pointer },
    blockOf(texts.slice(10), 11),
  ]
  const one = () => shuffled([source('a', blocks), source('b', [blockOf(['last'], 0)])], 42)

  it('gives every record once, with its number before, in an order that the seed decides', async () => {
    const records = await listed(one())
    expect(records.map(({ position }) => position)).toEqual(records.map((_, i) => i))
    const back = [...records].sort((a, b) => (a.index ?? 0) - (b.index ?? 0))
    expect(back.map(({ text }) => text)).toEqual([...texts.slice(0, 10), 'large', ...texts.slice(10), 'last'])
    expect(back.map(({ index }) => index)).toEqual(back.map((_, i) => i))
    expect(await listed(one())).toEqual(records)
    expect(
      await listed(shuffled([source('a', blocks), source('b', [blockOf(['last'], 0)])], 43)),
    ).not.toEqual(records)
  })

  it('takes another order in each round of a loop', async () => {
    const twice = one()
    const first = await listed(twice, 0)
    const second = await listed(twice, 1)
    expect(second).not.toEqual(first)
    expect(second.map(({ text }) => text).sort()).toEqual(first.map(({ text }) => text).sort())
  })

  it('keeps to the order it had in every earlier release', () => {
    expect([...permutation(10, 1)]).toMatchInlineSnapshot(`
      [
        5,
        6,
        9,
        2,
        0,
        1,
        8,
        4,
        3,
        7,
      ]
    `)
    expect([...permutation(10, 2 ** 40)]).toMatchInlineSnapshot(`
      [
        3,
        2,
        9,
        0,
        6,
        8,
        7,
        5,
        1,
        4,
      ]
    `)
  })

  it('puts every record in every place equally often', () => {
    const counts = Array.from({ length: 5 }, () => new Array<number>(5).fill(0))
    const rounds = 20_000
    for (let round = 0; round < rounds; round++)
      permutation(5, round).forEach((record, place) => {
        const row = counts[record] ?? []
        row[place] = (row[place] ?? 0) + 1
      })
    // 4,000 expected each; six standard deviations are 340.
    for (const count of counts.flat()) expect(Math.abs(count - rounds / 5)).toBeLessThan(340)
  })
})

describe('stamps', () => {
  const stream = wordStream({ keyed: false })
  const stamp = { uuid: stampUuid(1, 0), utc: '2026-01-01T00:00:00.000Z', sequence_id: 0, index: 7 }

  it('are added to the record as a JSON object', () => {
    expect(JSON.parse(stamped(stream, Buffer.from('5,five'), stamp).toString())).toEqual({
      n: 5,
      word: 'five',
      ...stamp,
    })
  })

  it('leave a record alone that is none of the stream', () => {
    expect(stamped(stream, Buffer.from('garbage'), stamp).toString()).toBe('garbage')
  })

  it('have name-based uuids that the seed decides', () => {
    const uuids = Array.from({ length: 2000 }, (_, i) => stampUuid(9, i))
    for (const uuid of uuids)
      expect(uuid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(new Set([...uuids, stampUuid(10, 0)]).size).toBe(2001)
    expect(stampUuid(9, 0)).toMatchInlineSnapshot(`"9257b1d5-90f2-5add-9298-d168e783525c"`)
  })
})

describe('TokenBucket', () => {
  function clockAt(nowMs: number) {
    const clock = { now: nowMs, nowMs: () => clock.now, sleep: async () => undefined }
    return clock
  }

  it('lets its rate through, however unevenly it is asked', () => {
    const clock = clockAt(0)
    const bucket = new TokenBucket({ clock, ratePerS: 1000 })
    const random = seededRandom(5)
    let taken = 0
    while (clock.now < 60_000) {
      const count = 1 + Math.floor(random() * 300)
      clock.now += bucket.take(count) + random() * 50
      taken += count
    }
    expect(taken / (clock.now / 1000)).toBeGreaterThan(970)
    expect(taken).toBeLessThanOrEqual(clock.now + 100 + 300)
  })

  it('saves up no more than a burst', () => {
    const clock = clockAt(0)
    const bucket = new TokenBucket({ clock, ratePerS: 100, burst: 10 })
    clock.now = 1_000_000
    expect(bucket.take(10)).toBe(0)
    expect(bucket.take(1)).toBe(10)
  })

  it('makes nobody wait long because a clock stepped back', () => {
    const clock = clockAt(1_000_000)
    const bucket = new TokenBucket({ clock, ratePerS: 100, burst: 1 })
    bucket.take(1)
    clock.now = 0
    expect(bucket.take(1)).toBe(10)
    clock.now = 20
    expect(bucket.take(1)).toBe(0)
  })

  it('refuses a rate that is none', () => {
    for (const ratePerS of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => new TokenBucket({ clock: clockAt(0), ratePerS })).toThrow('rate must be above 0')
  })
})

describe('expandSources', () => {
  it('takes files, folders, patterns and standard input, in order of name', () =>
    inFolder(async (dir) => {
      await mkdir(join(dir, 'in', 'deep'), { recursive: true })
      for (const name of ['in/b.csv', 'in/a.csv', 'in/deep/c.csv.gz', 'in/.hidden', 'x[1].csv'])
        await writeFile(join(dir, name), 'x')
      const path = (name: string) => join(dir, name)
      expect(await expandSources([path('in')])).toEqual(
        ['in/a.csv', 'in/b.csv', 'in/deep/c.csv.gz'].map(path),
      )
      expect(await expandSources([path('in/*.csv'), '-'])).toEqual([path('in/a.csv'), path('in/b.csv'), '-'])
      expect(await expandSources([path('**/*.gz')])).toEqual([path('in/deep/c.csv.gz')])
      expect(await expandSources([path('x[1].csv')])).toEqual([path('x[1].csv')])
      expect(await expandSources([path('gone.csv')])).toEqual([path('gone.csv')])
      await expect(expandSources([path('*.nope')])).rejects.toThrow('no file matches this pattern')
      await mkdir(path('empty'))
      await expect(expandSources([path('empty')])).rejects.toThrow('there is no file in this folder')
      await expect(expandSources([])).rejects.toThrow('name at least one source')
      await expect(expandSources(['-', '-'])).rejects.toThrow('only once')
      expect(absoluteSources(['-', '/a/../b'])).toEqual(['-', '/b'])
    }))
})
