import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { coverageProblems } from '../../lib/master/coverage.ts'
import { headKey } from '../../lib/master/keys.ts'
import { type MasterFile, manifestTotal } from '../../lib/master/manifest.ts'
import { commit, filesOf, readManifest, readManifests } from '../../lib/master/manifest-store.ts'
import { MemoryObjects } from './memory-objects.ts'

const RAW = 'test.raw.g1'
const SEAL = 4

function file(from: number, rows: number, dead = 0): MasterFile {
  const times = { minAppendMs: 1, maxAppendMs: 2, minEventMs: 3, maxEventMs: 4 }
  const outcomes = { ok: rows - dead, drop: 0, dead }
  const key = `master/test/${from}.parquet`
  return { key, from, to: from + rows, rows, outcomes, alerts: 1, sizeBytes: 10, sha256: 'x', ...times }
}

const load = (objects: MemoryObjects) => readManifest(objects, 'test', RAW, 0)

async function grow(objects: MemoryObjects, count: number, rows = 5): Promise<MasterFile[]> {
  const all: MasterFile[] = []
  for (let i = 0; i < count; i++) {
    const added = file(i * rows, rows, i % 10 === 3 ? 1 : 0)
    const progress = { nextOffset: added.to, highestOrigin: added.to - 1 }
    expect(await commit(objects, await load(objects), { files: [added], progress }, SEAL)).toBe('done')
    all.push(added)
  }
  return all
}

async function listed(objects: MemoryObjects, wanted?: Parameters<typeof filesOf>[2]): Promise<MasterFile[]> {
  const files: MasterFile[] = []
  for await (const one of filesOf(objects, (await load(objects)).manifest, wanted)) files.push(one)
  return files
}

describe('a manifest', () => {
  it('lists every file in order however many there are, in a head that stays small', async () => {
    const objects = new MemoryObjects()
    const all = await grow(objects, 150)
    expect(await listed(objects)).toEqual(all)
    const { manifest } = await load(objects)
    expect(manifest.files.length).toBeLessThan(SEAL)
    // 150 files by fours: 2 x 64, 1 x 16, 1 x 4 and 2 over.
    expect(manifest.chapters.map(({ level }) => level)).toEqual([3, 3, 2, 1])
    expect(manifestTotal(manifest)).toMatchObject({ files: 150, rows: 750, from: 0, to: 750, alerts: 150 })
    expect(manifestTotal(manifest).outcomes).toEqual({ ok: 735, drop: 0, dead: 15 })
  })

  it('finds the files of some offsets, or with dead letters, without opening the other chapters', async () => {
    const objects = new MemoryObjects()
    const all = await grow(objects, 70)
    const opened: string[] = []
    const spied = Object.create(objects, {
      get: { value: (key: string) => opened.push(key) && objects.get(key) },
    }) as MemoryObjects
    const files: MasterFile[] = []
    const { manifest } = await load(objects)
    for await (const one of filesOf(spied, manifest, ({ from, to }) => to > 17 && from < 23)) files.push(one)
    expect(files).toEqual(all.slice(3, 5))
    expect(opened.length).toBeLessThanOrEqual(5)
    expect(await listed(objects, ({ outcomes }) => outcomes.dead > 0)).toEqual(
      all.filter(({ outcomes }) => outcomes.dead > 0),
    )
  })

  it('is committed by one of two who loaded the same', async () => {
    const objects = new MemoryObjects()
    await grow(objects, 3)
    const [a, b] = [await load(objects), await load(objects)]
    const add = (rows: number) => ({
      files: [file(15, rows)],
      progress: { nextOffset: 15 + rows, highestOrigin: 14 + rows },
    })
    expect(await commit(objects, a, add(2), SEAL)).toBe('done')
    expect(await commit(objects, b, add(3), SEAL)).toBe('moved')
    expect((await listed(objects)).at(-1)?.to).toBe(17)
  })

  it('is made by one of two who found none', async () => {
    const objects = new MemoryObjects()
    const none = await load(objects)
    const progress = { nextOffset: 3, highestOrigin: -1 }
    expect(await commit(objects, none, { files: [], progress })).toBe('done')
    expect(await commit(objects, none, { files: [], progress })).toBe('moved')
  })

  it('refuses an addition that leaves its own progress, overlaps, or whose rows do not fill it', async () => {
    const objects = new MemoryObjects()
    await grow(objects, 2)
    const loaded = await load(objects)
    const adding = (files: MasterFile[], highestOrigin: number, nextOffset = 99) =>
      commit(objects, loaded, { files, progress: { nextOffset, highestOrigin } })
    await expect(adding([file(9, 2)], 10)).rejects.toThrow('ends at 10 and cannot take')
    await expect(adding([{ ...file(10, 2), rows: 3 }], 11)).rejects.toThrow('with 3 rows')
    await expect(adding([file(10, 2)], 12)).rejects.toThrow('does not fit its end 12')
    await expect(adding([], 9, 3)).rejects.toThrow('does not fit')
    expect((await load(objects)).manifest).toEqual(loaded.manifest)
  })

  it('is one of several partitions, in order of number', async () => {
    const objects = new MemoryObjects()
    for (const partition of [10, 2, 0])
      await commit(objects, await readManifest(objects, 'test', RAW, partition), {
        files: [],
        progress: { nextOffset: 1, highestOrigin: -1 },
      })
    expect((await readManifests(objects, 'test')).map(({ partition }) => partition)).toEqual([0, 2, 10])
  })

  it('says so when its head is not one', async () => {
    const objects = new MemoryObjects()
    await objects.put(headKey('test', RAW, 0), Buffer.from('{"form":9}'))
    await expect(load(objects)).rejects.toMatchObject({ code: 'CORRUPT' })
    await objects.put(headKey('test', RAW, 0), Buffer.from('{"form"'))
    await expect(load(objects)).rejects.toMatchObject({ code: 'CORRUPT' })
  })
})

describe('coverage', () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 })
  const stretches = (sizes: readonly number[]) => {
    let end = 0
    return sizes.map((size, i) => {
      const from = end
      end += size
      return { key: `f${i}`, from, to: end }
    })
  }
  const endOf = (list: readonly { to: number }[]) => list.at(-1)?.to ?? 0

  it('holds for any cut of [0, end)', () => {
    fc.assert(
      fc.property(
        lengths,
        (sizes) => coverageProblems(stretches(sizes), endOf(stretches(sizes)), []).length === 0,
      ),
    )
  })

  it('does not hold with one stretch left out, doubled, or moved by one', () => {
    fc.assert(
      fc.property(lengths, fc.nat(), fc.constantFrom('out', 'double', 'up', 'down'), (sizes, at, how) => {
        const whole = stretches(sizes)
        const i = at % whole.length
        const one = whole[i]
        if (one === undefined) return
        const by = how === 'up' ? 1 : -1
        const moved = { ...one, from: one.from + by, to: one.to + by }
        const instead = how === 'out' ? [] : how === 'double' ? [one, one] : [moved]
        const broken = [...whole.slice(0, i), ...instead, ...whole.slice(i + 1)]
        expect(coverageProblems(broken, endOf(whole), [])).not.toEqual([])
      }),
    )
  })

  it('explains a gap by lost ranges that fill it whole, and by none that do not', () => {
    const around = [
      { key: 'a', from: 0, to: 5 },
      { key: 'b', from: 9, to: 12 },
    ]
    expect(coverageProblems(around, 12, [{ from: 5, to: 9 }])).toEqual([])
    expect(
      coverageProblems(around, 12, [
        { from: 5, to: 7 },
        { from: 7, to: 9 },
      ]),
    ).toEqual([])
    expect(coverageProblems(around, 12, [{ from: 5, to: 8 }])).toEqual([
      'offsets [5, 9) are in no file, before b',
    ])
    expect(coverageProblems(around, 15, [{ from: 5, to: 9 }])).toEqual([
      'the files end at offset 12, the progress at 15',
    ])
  })
})
