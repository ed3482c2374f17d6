import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { headKey } from '../../lib/master/keys.ts'
import type { Manifest, MasterFile } from '../../lib/master/manifest.ts'
import { filesOf, readManifest } from '../../lib/master/manifest-store.ts'
import type { Item } from '../../lib/ports/keyed-store.ts'
import { type VerifyReport, verifyStream } from '../../lib/serve/verify.ts'
import { readBoards } from '../../lib/state/boards.ts'
import { recordLost } from '../../lib/state/lost.ts'
import { boardFromBytes, boardToBytes } from '../../lib/views/board.ts'
import { compileView } from '../../lib/views/view.ts'
import { LocalWorld } from '../master/local-world.ts'
import { testStream } from '../master/test-stream.ts'

const RAW = 'test.raw.g1'
let world: LocalWorld

/** Forty records in two partitions, some of them garbage, over three hours. */
beforeEach(async () => {
  world = await LocalWorld.open(testStream)
  for (let i = 0; i < 40; i++) {
    world.clock.ms += 5 * 60_000
    const record = JSON.stringify({ text: `t${i % 5}`, integer: i, number: i / 4, list: ['a', `b${i % 3}`] })
    await world.feed(i % 2, i % 13 === 5 ? '{"text":7}' : record)
  }
  await world.run()
})
afterEach(async () => {
  await world.ports.close()
})

const verify = () => verifyStream(world.ports, world.stream)

async function filesOfPartition(partition: number): Promise<MasterFile[]> {
  const { manifest } = await readManifest(world.ports.objects, 'test', RAW, partition)
  const files: MasterFile[] = []
  for await (const file of filesOf(world.ports.objects, manifest)) files.push(file)
  return files
}

/** Changes the head of a partition's manifest behind everyone's back. */
async function tamper(partition: number, change: (manifest: Manifest) => Manifest): Promise<void> {
  const { manifest } = await readManifest(world.ports.objects, 'test', RAW, partition)
  const bytes = Buffer.from(JSON.stringify(change(manifest)))
  await world.ports.objects.put(headKey('test', RAW, partition), bytes)
}

function problemsOf({ problems }: VerifyReport): string[] {
  return problems.map(({ where, what }) => `${where}: ${what}`)
}

/** The item, telling when what it holds is looked at. */
function noting(item: Item, onData: () => void): Item {
  const get = () => {
    onData()
    return item.data
  }
  return Object.defineProperty({ ...item }, 'data', { get })
}

describe('verify', () => {
  it('passes a whole master: every offset once, every board recounted, nothing in flight', async () => {
    const report = await verify()
    expect(problemsOf(report)).toEqual([])
    expect(report).toMatchObject({ exact: true, complete: true })
    expect(report.partitions.map(({ rows }) => rows)).toEqual([20, 20])
    expect(report.partitions.every(({ files, boards }) => files >= 3 && boards.agreeing > 30)).toBe(true)
  })

  it('decodes every board once, however many partitions there are', async () => {
    const { keyed } = world.ports
    const query = keyed.query.bind(keyed)
    const decoded = new Map<string, number>()
    vi.spyOn(keyed, 'query').mockImplementation(async function* (...args) {
      for await (const item of query(...args)) {
        const note = () => decoded.set(item.sk, (decoded.get(item.sk) ?? 0) + 1)
        yield args[0].startsWith('board/test.byText/') ? noting(item, note) : item
      }
    })
    const report = await verify()
    expect(report).toMatchObject({ exact: true, complete: true })
    expect(decoded.size).toBeGreaterThan(30)
    expect([...new Set(decoded.values())]).toEqual([1])
  })

  it('lists boards once for as many partitions as have room, and finds the same either way', async () => {
    const { keyed } = world.ports
    const query = keyed.query.bind(keyed)
    let listings = 0
    vi.spyOn(keyed, 'query').mockImplementation((...args) => {
      if (args[0].startsWith('board/test.byText/')) listings++
      return query(...args)
    })
    const report = await verify()
    expect(report.exact).toBe(true)
    expect(listings).toBe(1)
    expect(await verifyStream(world.ports, world.stream, { boardBytesMax: 1 })).toEqual(report)
    expect(listings).toBe(1 + world.stream.partitions)
  })

  it('says how much is in flight, and is exact all the same', async () => {
    await world.feed(0, '{"text":"a"}', '{"text":"b"}')
    await world.run(['score', 'archive'])
    await world.feed(1, '{"text":"c"}')
    const report = await verify()
    expect(report).toMatchObject({ exact: true, complete: false, problems: [] })
    expect(report.partitions.map(({ toArchive, toCount }) => [toArchive, toCount])).toEqual([
      [0, 2],
      [1, 1],
    ])
  })

  it('does not judge boards that are ahead of the master', async () => {
    await world.feed(0, '{"text":"a"}', '{"text":"b"}')
    await world.run(['score', 'count'])
    const report = await verify()
    expect(report).toMatchObject({ exact: true, complete: false, problems: [] })
    expect(report.partitions[0]?.boards.ahead).toBeGreaterThan(0)
    expect(report.partitions[0]?.toArchive).toBe(2)
  })

  it('names a file of which one byte has flipped, whichever byte it is', async () => {
    const [file] = await filesOfPartition(0)
    if (file === undefined) throw new Error('no file')
    const whole = await world.ports.objects.get(file.key)
    for (const at of [4, Math.floor(file.sizeBytes / 2), file.sizeBytes - 6]) {
      const bytes = Uint8Array.from(whole?.bytes ?? [])
      bytes[at] = (bytes[at] ?? 0) ^ 1
      await world.ports.objects.put(file.key, bytes)
      expect(problemsOf(await verify())).toContain(
        `${file.key}: has other bytes than were written: sha256 differs`,
      )
    }
  })

  it('names a file that is gone, and one that is cut short', async () => {
    const [gone, cut] = await filesOfPartition(1)
    if (gone === undefined || cut === undefined) throw new Error('no files')
    await world.ports.objects.delete(gone.key)
    await world.ports.objects.put(cut.key, Buffer.from('PAR1'))
    const problems = problemsOf(await verify())
    expect(problems).toContain(`${gone.key}: is gone`)
    expect(problems).toContain(`${cut.key}: is 4 bytes long, its manifest says ${cut.sizeBytes}`)
  })

  it('names the offsets of a manifest entry that was dropped, first, middle or last', async () => {
    for (const i of [0, 1]) {
      const before = (await readManifest(world.ports.objects, 'test', RAW, 0)).manifest
      const dropped = before.files[i]
      if (dropped === undefined) throw new Error('no file in the head')
      await tamper(0, (manifest) => ({ ...manifest, files: manifest.files.filter((_, at) => at !== i) }))
      const report = await verify()
      const last = before.files.length === i + 1
      const what = last
        ? `the files end at offset ${dropped.from}, the progress at ${dropped.to}`
        : `offsets [${dropped.from}, ${dropped.to}) are in no file, before ${before.files[i + 1]?.key}`
      expect(problemsOf(report)).toContain(`manifest of ${RAW}-0: ${what}`)
      expect(report.exact).toBe(false)
      await tamper(0, () => before)
    }
  })

  it('names the offsets of a manifest entry that stands twice', async () => {
    const [first] = await filesOfPartition(0)
    const { manifest } = await readManifest(world.ports.objects, 'test', RAW, 0)
    const last = manifest.files.at(-1)
    if (last === undefined || first === undefined) throw new Error('no files')
    await tamper(0, (before) => ({ ...before, files: [...before.files, last] }))
    expect(problemsOf(await verify())).toContain(
      `manifest of ${RAW}-0: offsets [${last.from}, ${last.to}) are listed twice, again in ${last.key}`,
    )
  })

  it('names a chapter that is gone', async () => {
    const { manifest } = await readManifest(world.ports.objects, 'test', RAW, 0)
    const [chapter] = manifest.chapters
    if (chapter === undefined) throw new Error('no chapter: the test needs more files')
    await world.ports.objects.delete(chapter.key)
    expect(problemsOf(await verify())).toContain(`manifest of ${RAW}-0: chapter ${chapter.key} is gone`)
  })

  it('names a file whose manifest entry says something else of its rows', async () => {
    await tamper(1, (manifest) => ({
      ...manifest,
      files: manifest.files.map((file) => ({
        ...file,
        outcomes: { ...file.outcomes, ok: file.outcomes.ok + 1 },
      })),
    }))
    const { manifest } = await readManifest(world.ports.objects, 'test', RAW, 1)
    const problems = problemsOf(await verify())
    expect(problems).toHaveLength(manifest.files.length)
    expect(problems[0]).toContain(`${manifest.files[0]?.key}: its manifest says outcomes {"ok":`)
  })

  it("names the file that stands under another file's entry", async () => {
    const [a, b] = await filesOfPartition(0)
    if (a === undefined || b === undefined) throw new Error('no files')
    const { manifest } = await readManifest(world.ports.objects, 'test', RAW, 0)
    const at = manifest.files[0]
    if (at === undefined) throw new Error('no file in the head')
    const swapped = { ...at, key: a.key, sizeBytes: a.sizeBytes, sha256: a.sha256 }
    await tamper(0, (before) => ({ ...before, files: [swapped, ...before.files.slice(1)] }))
    expect(problemsOf(await verify())).toContain(`${a.key}: row 0 is offset ${a.from}, expected ${at.from}`)
  })

  it('names the view, slot and key of a board that holds one too many, and one that is gone', async () => {
    const definition = testStream.views.byText
    if (definition === undefined) throw new Error('no view')
    const view = compileView('test', 'byText', definition)
    const items = []
    for await (const item of world.ports.keyed.query(`board/${view.id}/${view.version}`)) items.push(item)
    const [changed, lost] = items
    if (changed === undefined || lost === undefined) throw new Error('no boards')
    const board = boardFromBytes(view, changed.data)
    const [[key, states] = ['', []]] = board.keys
    const keys = new Map(board.keys).set(key, [Number(states[0]) + 1, states[1]])
    await world.ports.keyed.put({ ...changed, data: boardToBytes(view, { ...board, keys }) }, 'any')
    await world.ports.keyed.delete(lost.pk, lost.sk, 'any')
    const problems = problemsOf(await verify())
    expect(problems).toHaveLength(2)
    expect(problems[0]).toMatch(
      /^view test\.byText, slot 2023-11-1\dT.*Z, epoch \d+, test\.raw\.g1-\d: key "t\d" holds \[2,/,
    )
    expect(problems[1]).toMatch(/^view test\.byText, slot .*: no such board, though 1 keys belong on it$/)
  })

  it('quotes keys of views that differ to whoever asked, and to no log', async () => {
    const definition = testStream.views.byText
    if (definition === undefined) throw new Error('no view')
    const view = compileView('test', 'byText', definition)
    for await (const item of world.ports.keyed.query(`board/${view.id}/${view.version}`)) {
      const { mark } = boardFromBytes(view, item.data)
      await world.ports.keyed.put({ ...item, data: boardToBytes(view, { mark, keys: new Map() }) }, 'any')
    }
    const spies = [
      ...(['log', 'info', 'warn', 'error', 'debug'] as const).map((name) => vi.spyOn(console, name)),
      vi.spyOn(process.stderr, 'write'),
      vi.spyOn(process.stdout, 'write'),
    ]
    const report = await verify()
    for (const spy of spies) expect(spy).not.toHaveBeenCalled()
    vi.restoreAllMocks()
    expect(problemsOf(report).join()).toMatch(/key "t\d" holds nothing/)
  })

  it('names a board that no record of the master belongs on', async () => {
    const definition = testStream.views.byText
    if (definition === undefined) throw new Error('no view')
    const view = compileView('test', 'byText', definition)
    for await (const { topic, partition, epoch, board } of readBoards(world.ports, view)) {
      const sk = [0, epoch].map((n) => String(n).padStart(16, '0')).join('/')
      const pk = `board/${view.id}/${view.version}`
      const item = { pk, sk: `${sk}/${topic}/${String(partition).padStart(16, '0')}`, rev: '1' }
      await world.ports.keyed.put({ ...item, data: boardToBytes(view, board) }, 'any')
      break
    }
    const problems = problemsOf(await verify())
    expect(problems).toHaveLength(1)
    expect(problems[0]).toContain('slot 1970-01-01T00:00:00.000Z')
    expect(problems[0]).toContain('the master makes nothing')
  })

  it('takes a recorded loss for what it is, and the same gap unrecorded for a fault', async () => {
    const { manifest } = await readManifest(world.ports.objects, 'test', RAW, 0)
    const [lost] = manifest.files
    if (lost === undefined) throw new Error('no file in the head')
    await tamper(0, (before) => ({ ...before, files: before.files.slice(1) }))
    expect((await verify()).problems.map(({ what }) => what).join()).toContain('are in no file')
    await recordLost(world.ports.keyed, RAW, 0, { from: lost.from, to: lost.to })
    const what = (await verify()).problems.map((problem) => problem.what).join()
    expect(what).not.toContain('are in no file')
  })

  it('says so when the master reaches beyond the log', async () => {
    await tamper(0, (manifest) => ({ ...manifest, progress: { nextOffset: 99, highestOrigin: 50 } }))
    const problems = problemsOf(await verify())
    expect(problems).toContain(`${RAW}-0: the master reaches offset 50, the raw log ends at 20`)
    expect(problems).toContain(`${RAW}-0: archive has taken 99 entries, the enriched log ends at 20`)
  })
})
