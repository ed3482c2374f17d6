import { beforeEach, describe, expect, it } from 'vitest'
import { writeParquet } from '../../lib/formats/parquet-write.ts'
import { type CompactOptions, compactStream } from '../../lib/master/compact.ts'
import { coverageProblems } from '../../lib/master/coverage.ts'
import type { MasterFile } from '../../lib/master/manifest.ts'
import { commit, filesOf, readManifest, sha256Of } from '../../lib/master/manifest-store.ts'
import { writeFile } from '../../lib/master/new-file.ts'
import { masterRows } from '../../lib/master/read.ts'
import { swapFiles } from '../../lib/master/swap.ts'
import { GRACE_MS, sweepOrphans } from '../../lib/master/sweep.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { MemoryObjects } from './memory-objects.ts'
import { testStream } from './test-stream.ts'

const RAW = 'test.raw.g1'
const START_MS = 1_700_000_400_000
const HOUR_MS = 3_600_000
const SEAL = 4
const TARGET = 24_000

let objects: MemoryObjects
const clock = { nowMs: () => objects.nowMs }

beforeEach(() => {
  objects = new MemoryObjects()
  objects.nowMs = START_MS
})

const load = (store: ObjectStore = objects) => readManifest(store, 'test', RAW, 0)
const compact = (options: CompactOptions = {}, store: ObjectStore = objects) =>
  compactStream({ objects: store, clock }, 'test', { targetBytes: TARGET, sealItems: SEAL, ...options })

function entryOf(offset: number): Entry {
  const appendTime = START_MS + offset * 60_000
  const head = { site: 'here', topic: RAW, partition: 0, offset, appendTime, eventTime: appendTime }
  return { ...head, outcome: 'ok', value: { text: `t${offset % 5}`, integer: offset } }
}

/** Appends files of `rows` records, a minute apart, from `from` on. */
async function grow(from: number, files: number, rows = 4): Promise<void> {
  for (let i = 0; i < files; i++) {
    const start = from + i * rows
    const run = Array.from({ length: rows }, (_, n) => entryOf(start + n))
    const file = await writeFile(objects, testStream, run)
    const progress = { nextOffset: file.to, highestOrigin: file.to - 1 }
    expect(await commit(objects, await load(), { files: [file], progress }, SEAL)).toBe('done')
  }
  objects.nowMs = START_MS + (from + files * rows) * 60_000
}

/** The objects, telling of each that is read. */
function watching(onGet: (key: string) => void): ObjectStore {
  return {
    put: (...args) => objects.put(...args),
    get: (...args) => {
      onGet(args[0])
      return objects.get(...args)
    },
    head: (key) => objects.head(key),
    delete: (key) => objects.delete(key),
    list: (prefix) => objects.list(prefix),
    close: async () => undefined,
  }
}

async function listed(): Promise<MasterFile[]> {
  const files: MasterFile[] = []
  for await (const file of filesOf(objects, (await load()).manifest)) files.push(file)
  return files
}

async function rows(store: ObjectStore = objects): Promise<Entry[]> {
  const all: Entry[] = []
  for await (const some of masterRows({ objects: store }, testStream)) all.push(...some)
  return all
}

const entries = (count: number) => Array.from({ length: count }, (_, offset) => entryOf(offset))

describe('compaction', () => {
  it('merges the files of hours that are over, up to the target, and changes no record', async () => {
    await grow(0, 60)
    const before = await listed()
    const done = await compact()
    expect(done).toMatchObject({ complete: true, abandoned: 0, problems: [] })
    const after = await listed()
    expect(await rows()).toEqual(entries(240))
    expect(coverageProblems(after, 240, [])).toEqual([])
    expect(after.length).toBe(before.length - done.replaced + done.written)
    expect(after.length).toBeLessThan(before.length / 3)
    for (const { key, sizeBytes, sha256, minAppendMs, maxAppendMs } of after) {
      const bytes = objects.held.get(key)?.bytes ?? new Uint8Array()
      expect([bytes.length, sha256Of(bytes)]).toEqual([sizeBytes, sha256])
      expect(sizeBytes).toBeLessThan(TARGET * 1.5)
      expect(Math.floor(minAppendMs / HOUR_MS)).toBe(Math.floor(maxAppendMs / HOUR_MS))
      expect(key).toContain(`/hour=${new Date(minAppendMs).toISOString().slice(11, 13)}/`)
    }
    // The hour that still grows is left alone.
    expect(after.at(-1)).toEqual(before.at(-1))
  })

  it('does nothing the second time, and looks at nothing it has done with', async () => {
    await grow(0, 60)
    await compact()
    const { manifest } = await load()
    expect(manifest.compactedTo).toBeGreaterThan(150)
    const gets: string[] = []
    const spied = watching((key) => gets.push(key))
    expect(await compact({}, spied)).toMatchObject({ replaced: 0, written: 0 })
    expect(gets.filter((key) => key.endsWith('.parquet'))).toEqual([])
    expect(gets.length).toBeLessThan(6)
    expect((await load()).manifest).toEqual(manifest)
  })

  it('takes in files that come late for an hour that was over', async () => {
    await grow(0, 10)
    objects.nowMs += 5 * HOUR_MS
    await compact()
    await grow(40, 3)
    objects.nowMs += 5 * HOUR_MS
    await compact()
    const hours = (await listed()).map(({ minAppendMs }) => Math.floor(minAppendMs / HOUR_MS))
    expect(new Set(hours).size).toBe(hours.length)
    expect(await rows()).toEqual(entries(52))
  })

  it('keeps the manifest small: chapters that have become thin are joined', async () => {
    await grow(0, 300)
    const { manifest: before } = await load()
    await compact()
    const { manifest } = await load()
    const count = async () => (await listed()).length
    expect(await count()).toBeLessThan(50)
    const chapters = [...objects.held.keys()].filter((key) => key.includes('/chapters/')).length
    objects.nowMs += GRACE_MS + HOUR_MS + 1
    await sweepOrphans({ objects, clock }, 'test')
    const left = [...objects.held.keys()].filter((key) => key.includes('/chapters/')).length
    expect(left).toBeLessThan(chapters / 7)
    expect(JSON.stringify(manifest).length).toBeLessThan(JSON.stringify(before).length * 3)
    expect(await rows()).toEqual(entries(1200))
  })

  it('leaves a gap of lost records, and files of other columns, between the files it makes', async () => {
    await grow(0, 3)
    const { manifest } = await load()
    const late = await writeFile(objects, testStream, [15, 16].map(entryOf))
    const progress = { nextOffset: 17, highestOrigin: 16 }
    await commit(objects, { ...(await load()), manifest }, { files: [late], progress }, SEAL)
    const other = { ...testStream, columns: [{ name: 'other', kind: 'string', optional: true }] } as never
    const odd = await writeFile(objects, other, [17, 18].map(entryOf))
    const end = { nextOffset: 19, highestOrigin: 18 }
    await commit(objects, await load(), { files: [odd], progress: end }, SEAL)
    const before = await rows()
    expect(await compact({ openHours: true })).toMatchObject({ written: 1, replaced: 3, problems: [] })
    expect((await listed()).map(({ from, to }) => [from, to])).toEqual([
      [0, 12],
      [15, 17],
      [17, 19],
    ])
    expect(await rows()).toEqual(before)
  })

  it('does not write damage anew: a source with other bytes is named and left as it is', async () => {
    await grow(0, 6)
    const victim = (await listed())[2] as MasterFile
    const bytes = Uint8Array.from(objects.held.get(victim.key)?.bytes ?? [])
    bytes[100] = (bytes[100] ?? 0) ^ 1
    await objects.put(victim.key, bytes)
    const done = await compact({ openHours: true })
    expect(done.problems).toEqual([
      `master file ${victim.key} has other bytes than were written: it is not merged`,
    ])
    expect((await listed()).map(({ key }) => key)).toContain(victim.key)
  })

  it('ends at its time with what it has, and goes on the next time', async () => {
    await grow(0, 60)
    let reads = 0
    const slow = watching((key) => {
      if (!key.endsWith('.parquet')) return
      reads++
      objects.nowMs += 1_000
    })
    const endsAtMs = objects.nowMs + 20_000
    expect(await compact({ endsAtMs }, slow)).toMatchObject({ complete: false })
    expect(reads).toBeLessThan(25)
    expect(await rows()).toEqual(entries(240))
    expect((await compact()).complete).toBe(true)
    expect(await rows()).toEqual(entries(240))
  })
})

describe('a compaction that crashes', () => {
  /** A store whose caller dies at request `n`, before it takes place or after. */
  function dying(n: number, when: 'before' | 'after'): ObjectStore {
    let left = n
    const guarded =
      <A extends unknown[], R>(act: (...args: A) => Promise<R>) =>
      async (...args: A): Promise<R> => {
        const dies = left-- === 0
        if (dies && when === 'before') throw new Error('died')
        const answer = await act(...args)
        if (dies) throw new Error('died')
        return answer
      }
    return {
      put: guarded((...args: Parameters<ObjectStore['put']>) => objects.put(...args)),
      get: guarded((...args: Parameters<ObjectStore['get']>) => objects.get(...args)),
      head: guarded((key: string) => objects.head(key)),
      delete: guarded((key: string) => objects.delete(key)),
      list: (prefix) => objects.list(prefix),
      close: async () => undefined,
    }
  }

  it.each(['before', 'after'] as const)(
    '%s any request leaves the master whole, and the next one ends it',
    async (when) => {
      let died = true
      for (let n = 0; died; n++) {
        objects = new MemoryObjects()
        objects.nowMs = START_MS
        await grow(0, 14)
        died = await compact({ openHours: true }, dying(n, when)).then(
          () => false,
          (error: Error) => error.message === 'died',
        )
        expect(await rows()).toEqual(entries(56))
        await compact({ openHours: true })
        expect(await rows()).toEqual(entries(56))
        expect((await listed()).length).toBe(2)
        objects.nowMs += GRACE_MS + HOUR_MS + 1
        const sweeper = dying(n % 17, when)
        await sweepOrphans({ objects: sweeper, clock }, 'test').catch(() => undefined)
        expect(await rows()).toEqual(entries(56))
        await sweepOrphans({ objects, clock }, 'test')
        expect(await rows()).toEqual(entries(56))
        expect([...objects.held.keys()].filter((key) => key.endsWith('.parquet')).length).toBe(2)
        expect(n).toBeLessThan(500)
      }
    },
  )
})

describe('what compaction has replaced', () => {
  it('can be read by whoever read the manifest before, until the grace is over', async () => {
    await grow(0, 30)
    const { manifest } = await load()
    const old: MasterFile[] = []
    for await (const file of filesOf(objects, manifest)) old.push(file)
    await compact()
    const replacedMs = objects.nowMs
    const oldRows = async () => {
      const found: string[] = []
      for await (const file of filesOf(objects, manifest))
        if (objects.held.has(file.key)) found.push(file.key)
      return found
    }
    objects.nowMs = replacedMs + GRACE_MS - 1
    await sweepOrphans({ objects, clock }, 'test')
    expect(await oldRows()).toEqual(old.map(({ key }) => key))
    expect((await load()).manifest.replaced?.length).toBe(1)
    objects.nowMs = replacedMs + GRACE_MS + HOUR_MS + 1
    const swept = await sweepOrphans({ objects, clock }, 'test')
    expect(swept.objects).toBeGreaterThan(25)
    expect((await load()).manifest.replaced).toEqual([])
    expect(await rows()).toEqual(entries(120))
    expect(await sweepOrphans({ objects, clock }, 'test')).toEqual({ objects: 0, sizeBytes: 0 })
  })
})

describe('a swap', () => {
  it('is refused where the manifest no longer lists just its sources', async () => {
    await grow(0, 5)
    const [a, b, c, d] = (await listed()) as [MasterFile, MasterFile, MasterFile, MasterFile]
    const merged = async (sources: MasterFile[]) => {
      const from = sources[0]?.from ?? 0
      const to = sources.at(-1)?.to ?? 0
      const file = await writeFile(objects, testStream, entries(to).slice(from))
      return { sources, file, replacedMs: 0 }
    }
    const first = await merged([b, c, d])
    expect(await swapFiles(objects, await load(), first, SEAL)).toBe('done')
    const { manifest } = await load()
    for (const sources of [
      [a, b, c],
      [b, c, d],
      [b, c],
    ])
      expect(await swapFiles(objects, await load(), await merged(sources), SEAL)).toBe('gone')
    expect((await load()).manifest).toEqual(manifest)
    expect(await rows()).toEqual(entries(20))
  })

  it('is refused where its file does not hold just the offsets of its sources', async () => {
    await grow(0, 3)
    const [a, b, c] = (await listed()) as [MasterFile, MasterFile, MasterFile]
    const file = await writeFile(objects, testStream, entries(8))
    const swap = (sources: MasterFile[]) =>
      load().then((at) => swapFiles(objects, at, { sources, file, replacedMs: 0 }))
    await expect(swap([a, c])).rejects.toThrow('cannot replace 2 files')
    await expect(swap([a, b, c])).rejects.toThrow('cannot replace 3 files')
    await expect(swap([])).rejects.toThrow('cannot replace 0 files')
    expect(await swap([a, b])).toBe('done')
  })

  it('and an addition may come between each other: neither is lost, and nothing is written twice', async () => {
    await grow(0, 8)
    let loaded = await load()
    const next = await writeFile(objects, testStream, [32, 33].map(entryOf))
    const addition = { files: [next], progress: { nextOffset: 34, highestOrigin: 33 } }
    await compact({ openHours: true })
    expect(await commit(objects, loaded, addition, SEAL)).toBe('done')
    expect(await rows()).toEqual(entries(34))
    // After a sweep the file may be gone: the addition must be written anew.
    loaded = await load()
    const late = await writeFile(objects, testStream, [34, 35].map(entryOf))
    objects.nowMs += GRACE_MS + HOUR_MS + 1
    await sweepOrphans({ objects, clock }, 'test')
    expect(objects.held.has(late.key)).toBe(false)
    const later = { files: [late], progress: { nextOffset: 36, highestOrigin: 35 } }
    expect(await commit(objects, loaded, later, SEAL)).toBe('moved')
    expect(await rows()).toEqual(entries(34))
  })
})

it('writes the same rows smaller than their files were', async () => {
  const all = entries(2_000)
  const one = writeParquet(testStream.columns, all).length
  await grow(0, 20)
  const before = (await listed()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  await compact({ openHours: true, targetBytes: 1e8 })
  const after = (await listed()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  expect(after).toBeLessThan(before / 3)
  expect(one / 2_000).toBeLessThan(after / 80)
})
