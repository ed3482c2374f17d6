import { existsSync } from 'node:fs'
import { appendFile, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { Block } from '../../lib/collect/block.ts'
import { FollowedFiles } from '../../lib/collect/follow/followed-files.ts'
import type { Detail, InputSession, KnownSource, Resume } from '../../lib/collect/live-input.ts'
import { cutUnified2 } from '../../lib/formats/unified2-cut.ts'
import type { Framing } from '../../lib/stream/format.ts'
import { u2Event, u2Packet } from '../formats/unified2.ts'
import { inFolder } from './ports.ts'

const REAL = new URL('../../../shared/data/nids/', import.meta.url).pathname
const event = (id: number) => Buffer.concat([u2Event({ type: 104, id }), u2Packet(id, `a\nb of ${id}`)])

/** A follower of a file or folder from its end, and what it gives. Its clock goes on by hand, so nothing is waited for. */
function follower(path: string, framing: Framing = 'lines') {
  const made: Omit<KnownSource, 'source'>[] = []
  const notices: string[] = []
  const session: InputSession = {
    signal: new AbortController().signal,
    known: [],
    async create(detail: Detail, resume: Resume) {
      return made.push({ detail, resume }) - 1
    },
    async describe() {},
    kept: () => undefined,
    forget() {},
    large: () => expect.fail('there is no large record'),
    notice: (message) => notices.push(message),
  }
  const clock = { nowMs: () => nowMs, sleep: () => Promise.resolve() }
  let nowMs = 1_000_000
  const files = new FollowedFiles(session, { clock, paths: [path], fromEnd: true, framing })
  /** All there is by now: the last event of a spool after it has been quiet. */
  const given = async () => {
    const values: Buffer[] = []
    const take = ({ block }: { block: Block }) => {
      if (block.kind !== 'records') return expect.fail('there is no large record')
      for (let i = 0; i < block.count; i++)
        values.push(block.bytes.subarray(block.bounds[2 * i], block.bounds[2 * i + 1]))
    }
    for (let i = 0; i < 3; i++, nowMs += 2000) {
      for await (const live of files.scan(nowMs)) take(live)
      for await (const live of files.read(nowMs)) take(live)
    }
    return values
  }
  const texts = async () => (await given()).map(String)
  return { given, texts, made, notices, close: () => files.close() }
}

it('begins after the last whole record of a unified2 spool, wherever its bytes have line ends', () =>
  inFolder(async (dir) => {
    const path = join(dir, 'snort.u2.1')
    const half = event(3).subarray(0, event(3).length - 3)
    await writeFile(path, Buffer.concat([event(1), event(2), half]))
    const files = follower(path)
    expect(await files.given()).toEqual([])
    // The event itself was there: its packet, which was not all there, comes.
    await appendFile(path, Buffer.concat([event(3).subarray(half.length), event(4)]))
    expect(await files.given()).toEqual([u2Packet(3, 'a\nb of 3'), event(4)])
    expect(files.notices).toEqual([])
    await files.close()
  }))

it.skipIf(!existsSync(REAL))(
  'takes what is appended to a real spool (needs shared data), and not what was in it',
  () =>
    inFolder(async (dir) => {
      const path = join(dir, 'snort.u2.1')
      await writeFile(path, await readFile(join(REAL, 'djcas9-unified2-current.log')))
      const files = follower(path)
      expect(await files.given()).toEqual([])
      const later = await readFile(join(REAL, 'multi-record-event.log'))
      await appendFile(path, later)
      expect(Buffer.concat(await files.given())).toEqual(later.subarray(0, cutUnified2(later).parsedTo))
      expect(files.notices).toEqual([])
      await files.close()
    }),
)

it.each(['csv', 'csv-or-json'] as const)(
  'begins before a %s record that is open, and its line ends',
  (framing) =>
    inFolder(async (dir) => {
      const path = join(dir, 'posts.csv')
      const before = `1,${'long '.repeat(500_000)}\n2,"two\nlines"\n`
      await writeFile(path, `${before}3,"three\nlines`)
      const files = follower(path, framing)
      expect(await files.texts()).toEqual([])
      expect(files.made.map(({ resume }) => resume.next)).toEqual([before.length])
      await appendFile(path, '\nof text"\n4,four\n')
      expect(await files.texts()).toEqual(['3,"three\nlines\nof text"', '4,four'])
      await files.close()
    }),
)

it('begins after the last line end of lines, and leaves out whole gzip files', () =>
  inFolder(async (dir) => {
    await writeFile(join(dir, 'a.log'), 'one\n"two\nthr')
    await writeFile(join(dir, 'a.log.1.gz'), gzipSync('before\nlast without end'))
    await writeFile(join(dir, 'b.u2.gz'), gzipSync(Buffer.concat([event(1), event(2)])))
    const files = follower(dir)
    expect(await files.given()).toEqual([])
    await appendFile(join(dir, 'a.log'), 'ee"\n')
    await writeFile(join(dir, 'c.log'), 'new\n')
    expect((await files.texts()).sort()).toEqual(['new', 'three"'])
    await files.close()
  }))

it('refuses an Avro container file before anything of the others is begun', () =>
  inFolder(async (dir) => {
    await writeFile(join(dir, 'a.log'), 'one\n')
    await writeFile(join(dir, 'b.avro'), 'Obj\u0001 and more\n')
    const files = follower(dir)
    await expect(files.given()).rejects.toThrow(
      `${join(dir, 'b.avro')}: an Avro container file is not followed, so there is no end of it to begin at`,
    )
    expect(files.made).toEqual([])
    await files.close()
  }))
