import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { recordAt } from '../../lib/collect/block.ts'
import { type ReadLinesOptions, readLines } from '../../lib/collect/lines.ts'
import { csv } from '../../lib/formats/csv.ts'

const NO_SINK = () => {
  throw new Error('no record is that long')
}

async function records(chunks: readonly Buffer[], options: ReadLinesOptions = {}): Promise<string[]> {
  const all: string[] = []
  const source = readLines(Readable.from(chunks), { framing: 'csv', large: NO_SINK, ...options })
  for await (const block of source) {
    if (block.kind === 'large') throw new Error('no record is that long')
    expect(block.position).toBe(all.length)
    for (let i = 0; i < block.count; i++) all.push(recordAt(block, i).toString())
  }
  return all
}

function cut(text: string, sizes: readonly number[]): Buffer[] {
  const bytes = Buffer.from(text)
  const chunks: Buffer[] = []
  for (let at = 0, i = 0; at < bytes.length; at += sizes[i++ % sizes.length] ?? 1)
    chunks.push(bytes.subarray(at, at + (sizes[i % sizes.length] ?? 1)))
  return chunks
}

const cuts = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 4 })
const field = fc.array(fc.constantFrom('a', 'é', ',', '"', '\n', '\r\n', '{', ' '), { maxLength: 6 })
const COLUMNS = ['a', 'b', 'c'].map((name) => ({ name, kind: 'string' as const, optional: false }))
const quote = (text: string) => `"${text.replaceAll('"', '""')}"`

describe('CSV cut into records', () => {
  it('gives back every record that was written, line ends in fields and all, however the bytes are cut', async () => {
    const parse = csv().compile(COLUMNS)
    const row = fc.tuple(field, field, field).map((fields) => fields.map((parts) => parts.join('')))
    await fc.assert(
      fc.asyncProperty(fc.array(row), fc.constantFrom('\n', '\r\n'), cuts, async (rows, end, sizes) => {
        const text = rows.map((one) => one.map(quote).join(',') + end).join('')
        const read = await records(cut(text, sizes))
        expect(read.map((one) => Object.values(parse(Buffer.from(one)) as object))).toEqual(rows)
      }),
    )
  })

  it('cuts any bytes in the same way, however they come, and loses none but line ends', async () => {
    const piece = fc.constantFrom('"', '"', '\n', '\r\n', ',', 'ab', '""', '{', '\r')
    const text = fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join(''))
    const options = fc.record({
      framing: fc.constantFrom('csv' as const, 'csv-or-json' as const),
      maxLineBytes: fc.constantFrom(80, 900_000),
    })
    await fc.assert(
      fc.asyncProperty(text, cuts, options, async (content, sizes, how) => {
        const whole = await records([Buffer.from(content)], how)
        expect(await records(cut(content, sizes), how)).toEqual(whole)
        const bare = (one: string) => one.replaceAll(/[\r\n]/g, '')
        expect(bare(whole.join(''))).toBe(bare(content))
      }),
      { numRuns: 2000 },
    )
  })

  it.each([
    ['text after a closing quote', 'a,"b\nc"d,e\nf,g\n', ['a,"b', 'c"d,e', 'f,g']],
    ['a quote that the next record closes', '1,"open\n"2","x"\n3,y\n', ['1,"open', '"2","x"', '3,y']],
    ['a quote that nothing closes', '1,"open\n2,x\n3,y\n', ['1,"open', '2,x', '3,y']],
    ['a quote within a field', '1,5" pipe\n2,6" pipe\n', ['1,5" pipe', '2,6" pipe']],
    ['a byte order mark', '\ufeff"a\nb",c\n1,2\n', ['\ufeff"a\nb",c', '1,2']],
  ])('%s costs one record at most', async (_what, text, expected) => {
    expect(await records([Buffer.from(text)])).toEqual(expected)
  })

  it('gives up on an open quote at the limit of a record', async () => {
    const text = `1,"open\n${'2,x\n'.repeat(100)}3,"y"\n`
    const read = await records(cut(text, [64]), { maxLineBytes: 100 })
    expect(read).toEqual(['1,"open', ...Array(100).fill('2,x'), '3,"y"'])
  })

  it('leaves lines of JSON as they are', async () => {
    const lines = ['{"a":"x,"}', '{"a":"y","b":",\\""}', '1,"p\nq"']
    expect(await records([Buffer.from(lines.join('\n'))], { framing: 'csv-or-json' })).toEqual(lines)
  })
})
