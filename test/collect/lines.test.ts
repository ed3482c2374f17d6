import { createHash, randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { constants, gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Block, recordAt } from '../../lib/collect/block.ts'
import { LargeRecordWriter } from '../../lib/collect/large-record.ts'
import { type ReadLinesOptions, readLines } from '../../lib/collect/lines.ts'
import { SourceError } from '../../lib/collect/source-error.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import { readLargeRecord } from '../../lib/state/large-record.ts'
import { inFolder } from './ports.ts'

/** Objects in memory, with the two methods that large records need. */
function objectMap() {
  const held = new Map<string, Uint8Array>()
  const store: Pick<ObjectStore, 'put' | 'get'> = {
    put: async (key, bytes) => {
      held.set(key, bytes)
      return { ok: true, etag: key }
    },
    get: async (key) => {
      const bytes = held.get(key)
      return bytes && { bytes, etag: key }
    },
  }
  return { held, store }
}

interface Taken {
  readonly lines: string[]
  readonly error: unknown
}

/** All lines, with a check that positions are without a gap, and the error that came after them. */
async function take(
  input: string | Readable,
  options: ReadLinesOptions = {},
  large?: Map<number, Block>,
): Promise<Taken> {
  const lines: string[] = []
  let error: unknown
  try {
    for await (const block of readLines(input, options)) {
      expect(block.position).toBe(lines.length)
      if (block.kind === 'large') {
        large?.set(block.position, block)
        lines.push(`<${block.pointer.sizeBytes} bytes>`)
      } else for (let i = 0; i < block.count; i++) lines.push(recordAt(block, i).toString('latin1'))
    }
  } catch (thrown) {
    error = thrown
  }
  return { lines, error }
}

/** The bytes in chunks of the given sizes, over and over. */
function chunked(bytes: Buffer, sizes: readonly number[]): Readable {
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    chunks.push(bytes.subarray(at, at + size))
    at += size
  }
  return Readable.from(chunks)
}

function expectedLines(text: string): string[] {
  const lines = text.split('\n').map((line, i, all) => (i < all.length - 1 ? line.replace(/\r$/, '') : line))
  return lines.filter((line) => line !== '')
}

describe('readLines', () => {
  it.each([
    ['LF', 'a\nbb\nccc\n', ['a', 'bb', 'ccc']],
    ['CRLF', 'a\r\nbb\r\n', ['a', 'bb']],
    ['a last line without an end', 'a\nb', ['a', 'b']],
    ['empty lines, which do not count', '\n\na\n\r\n\nb\n\n', ['a', 'b']],
    ['a CR within a line', 'a\rb\n', ['a\rb']],
    ['nothing', '', []],
  ])('reads %s', async (_what, text, lines) => {
    expect(await take(Readable.from([Buffer.from(text)]))).toEqual({ lines, error: undefined })
  })

  it('gives the same lines however the bytes are cut, plain or gzip', async () => {
    const piece = fc.constantFrom('a', 'bc', '\n', '\r\n', '\r', 'xyzzy', '\n\n')
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''))
    const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 })
    await fc.assert(
      fc.asyncProperty(text, sizes, fc.boolean(), async (content, cuts, zipped) => {
        const bytes = Buffer.from(content)
        // Text without a last line end keeps a CR at its end: it belongs to the line.
        const expected = expectedLines(content.endsWith('\r') ? `${content}\n` : content)
        const taken = await take(chunked(zipped ? gzipSync(bytes) : bytes, cuts))
        expect(taken).toEqual({ lines: expected, error: undefined })
      }),
    )
  })

  it('reads gzip of several members, told by its first bytes and not by its name', () =>
    inFolder(async (dir) => {
      const path = join(dir, 'data.txt')
      await writeFile(path, Buffer.concat([gzipSync('a\nb'), gzipSync('c\nd\n')]))
      expect(await take(path)).toEqual({ lines: ['a', 'bc', 'd'], error: undefined })
    }))

  it('gives every whole line before the end of gzip data that were cut short, then the error', () =>
    inFolder(async (dir) => {
      const text = Array.from({ length: 20_000 }, (_, i) => `${i},${randomBytes(6).toString('hex')}`).join(
        '\n',
      )
      const whole = gzipSync(text)
      for (const keep of [
        2,
        9,
        10,
        11,
        64 * 1024,
        64 * 1024 + 1,
        150_000,
        whole.length - 9,
        whole.length - 8,
        whole.length - 1,
      ]) {
        const path = join(dir, `cut-${keep}.gz`)
        const cut = whole.subarray(0, keep)
        await writeFile(path, cut)
        const { lines, error } = await take(path)
        const there = gunzipSync(cut, { finishFlush: constants.Z_SYNC_FLUSH }).toString()
        expect(lines).toEqual(there.split('\n').slice(0, -1))
        expect(error).toBeInstanceOf(SourceError)
        expect(String(error)).toContain(path)
        expect(String(error)).toContain(`it ends at byte ${keep}`)
      }
    }))

  it('says where gzip data are damaged, after the lines before that', () =>
    inFolder(async (dir) => {
      const path = join(dir, 'bad.gz')
      const bytes = gzipSync(Array.from({ length: 50_000 }, () => randomBytes(8).toString('hex')).join('\n'))
      bytes.fill(0xff, 300_000, 300_100)
      await writeFile(path, bytes)
      const { lines, error } = await take(path)
      expect(lines.length).toBeGreaterThan(10_000)
      expect(String(error)).toContain('is damaged after byte')
    }))

  it('names a file that is not there', async () => {
    const { error } = await take('/nowhere/at/all.csv')
    expect(String(error)).toContain('/nowhere/at/all.csv: there is no such file or folder')
  })

  it('counts the bytes it has read', async () => {
    let bytes = 0
    const zipped = gzipSync('a\nb\n')
    await take(Readable.from([zipped]), { onBytes: (n) => (bytes += n) })
    expect(bytes).toBe(zipped.length)
  })
})

describe('long lines', () => {
  const maxLineBytes = 100

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
  ])('go to the object store, wherever they stand and however they are cut, with %s', async (_name, eol) => {
    const lengths = [1, 100, 101, 350, 99, 102, 5000, 100, 101]
    const texts = lengths.map((length, i) => String.fromCharCode(97 + i).repeat(length))
    const bytes = Buffer.from(texts.join(eol))
    for (const sizes of [[1], [7], [64, 1, 100], [101], [102], [100_000]]) {
      const { held, store } = objectMap()
      const large = new Map<number, Block>()
      const taken = await take(
        chunked(bytes, sizes),
        { maxLineBytes, large: (position) => new LargeRecordWriter(store, `k${position}`, 1000) },
        large,
      )
      expect(taken.error).toBeUndefined()
      expect(taken.lines).toEqual(
        texts.map((text) => (text.length > maxLineBytes ? `<${text.length} bytes>` : text)),
      )
      for (const [position, block] of large) {
        if (block.kind !== 'large') throw new Error('not large')
        const pieces: Uint8Array[] = []
        for await (const piece of readLargeRecord(store, block.pointer)) pieces.push(piece)
        const text = texts[position] ?? ''
        expect(Buffer.concat(pieces).toString()).toBe(text)
        expect(block.pointer.sha256).toBe(createHash('sha256').update(text).digest('hex'))
      }
      expect([...held.keys()].sort()).toEqual(
        ['k3', 'k5', 'k6', 'k6.1', 'k6.2', 'k6.3', 'k6.4', 'k8', 'k2'].sort(),
      )
    }
  })

  it('are an error where nobody takes them', async () => {
    const { lines, error } = await take(Readable.from([Buffer.from(`ok\n${'x'.repeat(200)}\n`)]), {
      maxLineBytes,
    })
    expect(lines).toEqual(['ok'])
    expect(String(error)).toContain('line 2 is longer than 100 bytes')
  })

  it('cost no more memory than a piece, however long they are', async () => {
    const { store } = objectMap()
    let largest = 0
    let total = 0
    const chunk = Buffer.alloc(1 << 20, 'x')
    const endless = Readable.from(
      (function* () {
        for (let i = 0; i < 300; i++) yield chunk
        yield Buffer.from('\nend\n')
      })(),
    )
    const counting: typeof store = {
      ...store,
      put: async (_key, bytes) => {
        largest = Math.max(largest, bytes.length)
        total += bytes.length
        return { ok: true, etag: '' }
      },
    }
    const { lines } = await take(endless, {
      large: (position) => new LargeRecordWriter(counting, `k${position}`),
    })
    expect(lines).toEqual([`<${300 << 20} bytes>`, 'end'])
    expect(largest).toBe(64 << 20)
    expect(total).toBe(300 << 20)
  })
})
