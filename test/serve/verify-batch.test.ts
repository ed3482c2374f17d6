import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { readSegment } from '../../lib/formats/segment.ts'
import { SegmentWriter } from '../../lib/formats/segment-write.ts'
import { compactStream } from '../../lib/master/compact.ts'
import { retractionEffects } from '../../lib/serve/retraction-effect.ts'
import { type VerifyReport, verifyStream } from '../../lib/serve/verify.ts'
import { recordExpired } from '../../lib/state/batch-expired.ts'
import { type BatchIndex, indexObject, segmentKey } from '../../lib/state/batch-index.ts'
import { type BatchPointer, loadBatchPointer, pointerItem } from '../../lib/state/batch-pointer.ts'
import { recordRetraction, withdrawRetraction } from '../../lib/state/retractions.ts'
import { versionName } from '../../lib/state/view-since.ts'
import { compileView, type View } from '../../lib/views/view.ts'
import { recompute } from '../batch/world.ts'
import { LocalWorld } from '../master/local-world.ts'
import { testStream } from '../master/test-stream.ts'

const RAW = 'test.raw.g1'
const DAY_MS = 86_400_000
let world: LocalWorld
let fed = 0
const views = Object.fromEntries(
  Object.entries(testStream.views).map(([name, definition]) => [name, compileView('test', name, definition)]),
) as Record<'byText' | 'byList', View>

/** Three days of records in two partitions, recomputed; then some more that only the boards hold. */
beforeEach(async () => {
  fed = 0
  world = await LocalWorld.open(testStream)
  await feed(48, 90 * 60_000)
  world.clock.ms += 2 * 3_600_000
  await recompute(world.ports, world.stream)
  await feed(6, 60_000)
})
afterEach(() => world.ports.close())

async function feed(count: number, everyMs: number): Promise<void> {
  for (let i = 0; i < count; i++, fed++) {
    world.clock.ms += everyMs
    const record = { text: `t${fed % 5}`, integer: fed, number: fed / 4, list: ['a', `b${fed % 3}`] }
    await world.feed(fed % 2, fed % 13 === 5 ? '{"text":7}' : JSON.stringify(record))
  }
  await world.run()
}

const verify = (batchRowsMax?: number) =>
  verifyStream(world.ports, world.stream, batchRowsMax === undefined ? {} : { batchRowsMax })

function problemsOf({ problems }: VerifyReport): string[] {
  return problems.map(({ where, what }) => `${where}: ${what}`)
}

async function pointer(): Promise<BatchPointer> {
  const loaded = await loadBatchPointer(world.ports.keyed, 'test')
  if (loaded === undefined) throw new Error('nothing is published')
  return loaded.pointer
}

async function forge(change: (before: BatchPointer) => BatchPointer): Promise<void> {
  const before = await pointer()
  const item = pointerItem('test', change(before))
  await world.ports.keyed.put({ ...item, rev: 'forged' }, 'any')
}

async function indexOf(view: View): Promise<{ key: string; index: BatchIndex }> {
  const key = (await pointer()).views[versionName(view)]?.index ?? ''
  const stored = await world.ports.objects.get(key)
  return { key, index: JSON.parse(Buffer.from(stored?.bytes ?? []).toString()) as BatchIndex }
}

async function segmentsOf(view: View) {
  const { index } = await indexOf(view)
  return index.chunks.flatMap(({ from, segments }) =>
    segments.map((note) => ({ from, note, key: segmentKey(view, note.name) })),
  )
}

/** Publishes another index for a view: a pointer that is right in itself and lies. */
async function publishIndex(view: View, change: (before: BatchIndex) => BatchIndex): Promise<void> {
  const { index } = await indexOf(view)
  const { key, bytes } = indexObject(view, change(index))
  await world.ports.objects.put(key, bytes)
  const { horizon } = index.covers
  await forge((before) => ({
    ...before,
    views: { ...before.views, [versionName(view)]: { index: key, horizon } },
  }))
}

describe('verify of batch views', () => {
  it('recounts every row before the horizon, and the boards from it on', async () => {
    const report = await verify()
    expect(problemsOf(report)).toEqual([])
    expect(report).toMatchObject({ exact: true, complete: true })
    expect(report.batch.map(({ view }) => view)).toEqual(
      expect.arrayContaining(['test.byList', 'test.byText']),
    )
    for (const { agreeing, late, horizon } of report.batch) {
      expect(agreeing).toBeGreaterThan(20)
      expect(late).toBe(0)
      expect(horizon * world.ports.epochMs).toBeLessThanOrEqual(world.clock.ms)
    }
    const boards = report.partitions.reduce((sum, one) => sum + one.boards.agreeing, 0)
    expect(boards).toBeGreaterThan(0)
    expect(boards).toBeLessThan(60)
  })

  it.each([1, 7, 40])('says the same holding %d rows at a time', async (rowsMax) => {
    const whole = await verify()
    const report = await verify(rowsMax)
    expect(report.batch).toEqual(whole.batch)
    expect(report.exact).toBe(true)
  })

  it('does not miss boards of epochs before the horizon', async () => {
    const { horizon } = await pointer()
    for (const view of Object.values(views))
      for await (const { pk, sk } of world.ports.keyed.query(`board/${view.id}/${view.version}`))
        if (Number(sk.split('/')[1]) < horizon) await world.ports.keyed.delete(pk, sk, 'any')
    expect(problemsOf(await verify())).toEqual([])
  })

  it('counts records of an epoch before the horizon that lie above the end the recompute had read', async () => {
    await publishIndex(views.byText, (index) => ({
      ...index,
      covers: {
        ...index.covers,
        partitions: index.covers.partitions.map((one) =>
          one.partition === 1 ? { ...one, end: one.end - 2 } : one,
        ),
      },
    }))
    const report = await verify()
    expect(report.batch.map(({ view, late }) => [view, late])).toContainEqual(['test.byText', 2])
    expect(report.complete).toBe(false)
    // The view holds them nevertheless, and should not: it says what it covers.
    expect(problemsOf(report).join()).toContain('view test.byText, batch segment')
  })

  it('holds after compaction', async () => {
    await compactStream(world.ports, 'test', { openHours: true })
    expect(await verify()).toMatchObject({ exact: true, complete: true })
  })

  it('names a row that was changed in a segment that is well formed', async () => {
    const [segment] = await segmentsOf(views.byText)
    if (segment === undefined) throw new Error('no segment')
    const stored = await world.ports.objects.get(segment.key)
    const { slotMs } = views.byText.definition
    const writer = new SegmentWriter({ slotMs, from: segment.from })
    let changed = ''
    for (const { key, slots, states } of readSegment(stored?.bytes ?? new Uint8Array())) {
      const [first, ...rest] = states as [number, number][]
      const next = changed === '' && first !== undefined ? [[first[0] + 1, first[1]], ...rest] : states
      if (changed === '') changed = key
      writer.add({ key, slots, states: next })
    }
    const written = writer.finish()
    await world.ports.objects.put(segmentKey(views.byText, written.name), written.bytes)
    await publishIndex(views.byText, (index) => ({
      ...index,
      chunks: index.chunks.map(({ from, segments }) => ({
        from,
        segments: segments.map((note) =>
          note.name === segment.note.name
            ? { ...note, name: written.name, sizeBytes: written.bytes.length, tailBytes: written.tailBytes }
            : note,
        ),
      })),
    }))
    const problems = problemsOf(await verify())
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain(`view test.byText, batch segment ${written.name.slice(0, 12)}`)
    expect(problems[0]).toMatch(new RegExp(`key "${changed}", slot 2023-11-1.*Z holds .*, the master makes `))
  })

  it('names a segment with other bytes, one that is gone, and two that were swapped', async () => {
    const [a, b, c, d] = await segmentsOf(views.byList)
    if (a === undefined || b === undefined || c === undefined || d === undefined)
      throw new Error('too few segments')
    const { objects } = world.ports
    const bytesOf = async (key: string) => Uint8Array.from((await objects.get(key))?.bytes ?? [])
    const flipped = await bytesOf(a.key)
    flipped[10] = (flipped[10] ?? 0) ^ 1
    await objects.put(a.key, flipped)
    await objects.delete(b.key)
    const [first, second] = [await bytesOf(c.key), await bytesOf(d.key)]
    await objects.put(c.key, second)
    await objects.put(d.key, first)
    const problems = problemsOf(await verify())
    const names = ({ key }: { key: string }) => problems.filter((one) => one.includes(`object ${key}`))
    expect(names(a)[0]).toMatch(/cannot be read|other content/)
    expect(names(b)[0]).toContain('is gone though the index lists it')
    expect(names(c)[0]).toContain(`holds other content than its name says: it is segment ${d.note.name}`)
    expect(names(d)[0]).toContain(`it is segment ${c.note.name}`)
    expect(problems).toHaveLength(4)
  })

  it('names rows that no segment holds, where an index leaves a chunk out, and a chunk that stands twice', async () => {
    await publishIndex(views.byText, (index) => ({ ...index, chunks: index.chunks.slice(1) }))
    const missing = problemsOf(await verify())
    expect(missing).toHaveLength(1)
    expect(missing[0]).toMatch(
      /view test\.byText, batch chunk from 2023-11-1\dT00:00:00\.000Z: key "t\d", slot .* is missing/,
    )
    await world.ports.keyed.put({ ...pointerItem('test', await pointer()), rev: 'x' }, 'any')
    await recompute(world.ports, world.stream, { full: true })
    expect(problemsOf(await verify())).toEqual([])
    await publishIndex(views.byText, (index) => {
      const [first, second, ...rest] = index.chunks
      if (first === undefined || second === undefined) throw new Error('too few chunks')
      return { ...index, chunks: [first, { ...first, from: first.from + DAY_MS }, ...rest] }
    })
    const twice = problemsOf(await verify()).join('\n')
    expect(twice).toContain('is of another chunk of slots')
    expect(twice).toMatch(/batch chunk from .* is missing/)
  })

  it('names what is wrong with a forged pointer', async () => {
    const before = await pointer()
    const name = versionName(views.byText)
    const entry = before.views[name]
    if (entry === undefined) throw new Error('not published')
    const lies: [Partial<typeof entry>, RegExp][] = [
      [
        { horizon: entry.horizon - 1 },
        /the pointer says horizon \d+, its index covers the epochs before \d+/,
      ],
      [{ index: before.views[versionName(views.byList)]?.index ?? '' }, /which is of view test\.byList/],
      [{ index: `${entry.index.slice(0, -10)}00000.json` }, /is gone/],
    ]
    for (const [lie, what] of lies) {
      await forge(() => ({ ...before, views: { ...before.views, [name]: { ...entry, ...lie } } }))
      const problems = problemsOf(await verify())
      expect(problems[0]).toMatch(/^batch view test\.byText: /)
      expect(problems[0]).toMatch(what)
    }
    await publishIndex(views.byList, (index) => ({
      ...index,
      covers: { ...index.covers, horizon: index.covers.horizon + 1e6 },
    }))
    await forge((now) => ({
      ...now,
      views: Object.fromEntries(
        Object.entries(now.views).map(([at, one]) => [at, { ...one, horizon: one.horizon + 1e6 }]),
      ),
    }))
    expect(problemsOf(await verify()).join('\n')).toMatch(/test\.byList: its horizon \d+ lies in the future/)
  })

  it('says so when boards that queries read have been deleted', async () => {
    const name = versionName(views.byText)
    const { horizon } = await pointer()
    await recordExpired(world.ports.keyed, 'test', { [name]: horizon + 3 })
    expect(problemsOf(await verify())).toEqual([
      `batch view test.byText: boards of the epochs before ${horizon + 3} have been deleted, the pointer's horizon is ${horizon}`,
    ])
  })

  it('holds views to the retractions that they were built with, and says which take effect later', async () => {
    const { keyed } = world.ports
    const stretch = { topic: RAW, partition: 0, from: 3, to: 9 }
    const { id } = await recordRetraction(keyed, stretch, 'sensor broken', world.clock.ms)
    const pending = await verify()
    expect(problemsOf(pending)).toEqual([])
    expect(pending.batch.every(({ retractionsPending }) => retractionsPending)).toBe(true)
    const effect = async () =>
      (await retractionEffects(world.ports, testStream)).map(({ leftOutOf, stillIn }) => [
        leftOutOf.length,
        stillIn.length,
      ])
    expect(await effect()).toEqual([[0, 3]])
    world.clock.ms += 1
    await recompute(world.ports, world.stream)
    expect(await effect()).toEqual([[3, 0]])
    const honoured = await verify()
    expect(problemsOf(honoured)).toEqual([])
    expect(honoured.batch.some(({ retractionsPending }) => retractionsPending)).toBe(false)
    expect(honoured.batch[0]?.agreeing).toBeLessThan(pending.batch[0]?.agreeing ?? 0)
    world.clock.ms += 1
    await withdrawRetraction(keyed, 'test', id, 'it was not', world.clock.ms)
    expect(problemsOf(await verify())).toEqual([])
    // A view that leaves out what nobody ever retracted.
    await keyed.delete('retractions/test', `${RAW}/${'0'.repeat(16)}/${'3'.padStart(16, '0')}/${id}`, 'any')
    const problems = problemsOf(await verify())
    expect(problems[0]).toContain('it leaves out records that no retraction names, or holds retracted ones')
    expect(problems.length).toBeGreaterThan(2)
  })
})
