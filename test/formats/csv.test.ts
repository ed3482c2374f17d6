import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { csv } from '../../lib/formats/csv.ts'
import type { Column, ColumnKind } from '../../lib/stream/columns.ts'
import { FormatError, NoRecord } from '../../lib/stream/format.ts'

const column = (name: string, kind: ColumnKind, optional = false): Column => ({ name, kind, optional })

const columns = [
  column('id', 'integer'),
  column('name', 'string'),
  column('rate', 'number'),
  column('ok', 'boolean', true),
  column('note', 'string', true),
  column('tags', 'json', true),
]
const parse = csv().compile(columns)
const read = (text: string | Buffer) => parse(Buffer.from(text))

describe('csv', () => {
  it('reads typed fields', () => {
    expect(read('7,tcp,0.25,true,hello,"[1,""a""]"')).toEqual({
      id: 7,
      name: 'tcp',
      rate: 0.25,
      ok: true,
      note: 'hello',
      tags: [1, 'a'],
    })
  })

  it.each([
    ['trailing optional columns missing', '1,a,2', { id: 1, name: 'a', rate: 2 }],
    ['some of them missing', '1,a,2,0', { id: 1, name: 'a', rate: 2, ok: false }],
    ['an optional column empty', '1,a,2,,x', { id: 1, name: 'a', rate: 2, note: 'x' }],
    ['a quoted empty optional', '1,a,2,,""', { id: 1, name: 'a', rate: 2, note: '' }],
    ['an optional last column empty', '1,a,2,1,x,', { id: 1, name: 'a', rate: 2, ok: true, note: 'x' }],
    ['an empty required text', '1,,2', { id: 1, name: '', rate: 2 }],
    [
      'quotes, commas and line ends inside quotes',
      '1,"a ""b"", c\r\nd",2',
      { id: 1, name: 'a "b", c\r\nd', rate: 2 },
    ],
    ['a quoted number', '"1",a,"2.5"', { id: 1, name: 'a', rate: 2.5 }],
    ['a quote inside an unquoted field', '1,5" pipe,2', { id: 1, name: '5" pipe', rate: 2 }],
    ['signs and exponents', '-1,a,+1.5e-3', { id: -1, name: 'a', rate: 0.0015 }],
    ['whole numbers with a point', '3.00,a,007', { id: 3, name: 'a', rate: 7 }],
    ['a byte order mark', '\ufeff1,a,2', { id: 1, name: 'a', rate: 2 }],
    ['a line end that came along', '1,a,2\r\n', { id: 1, name: 'a', rate: 2 }],
    ['text beyond ASCII', '1,žluťoučký 🐎,2', { id: 1, name: 'žluťoučký 🐎', rate: 2 }],
    ['spaces, which are part of a field', '1, a ,2', { id: 1, name: ' a ', rate: 2 }],
  ])('takes %s', (_what, line, row) => {
    expect(read(line)).toStrictEqual(row)
  })

  it.each([
    ['too few fields', '1,a', 'expected 3 to 6 comma-separated fields, found 2'],
    ['too many fields', '1,a,2,1,x,1,SECRET', 'expected 3 to 6 comma-separated fields, found 7'],
    ['a missing column in the middle, not the bad number it causes', '1,SECRET', 'found 2'],
    ['an empty line', '', 'found 1'],
    ['a bad number', '1,a,SECRET', 'column rate: expected a decimal number, found 6 characters that are not'],
    ['an empty required number', ',a,2', 'column id: expected a whole number'],
    ['a fraction for a whole number', '1.5,a,2', 'column id: expected a whole number'],
    [
      'a whole number that a double cannot hold',
      '9007199254740993,a,2',
      'column id: expected a whole number',
    ],
    ['hexadecimal', '1,a,0x10', 'column rate'],
    ['infinity', '1,a,Infinity', 'column rate'],
    ['a number too large', '1,a,1e999', 'column rate'],
    ['a number with spaces', '1,a, 2', 'column rate'],
    ['two points', '1,a,1.2.3', 'column rate'],
    ['a bad boolean', '1,a,2,yes', 'column ok: expected true, false, 1 or 0'],
    ['bad JSON', '1,a,2,1,x,SECRET', 'column tags: expected JSON text'],
    ['an open quote', '1,"SECRET,2', 'column name: a quote is not closed'],
    ['text after a quote', '1,"a"SECRET,2', 'column name: a quote is not closed, or text follows it'],
    ['invalid UTF-8', Buffer.from([0x31, 0x2c, 0xff, 0x2c, 0x32]), 'expected UTF-8'],
  ])('refuses %s', (_what, line, message) => {
    expect(() => read(line)).toThrow(FormatError)
    expect(() => read(line)).toThrow(message)
    try {
      read(line)
    } catch (error) {
      expect(String(error)).not.toContain('SECRET')
    }
  })

  it('carries nothing over from a row that failed or had absent fields', () => {
    expect(() => read('1,a,2,,x,SECRET')).toThrow(FormatError)
    expect(read('1,a,2,1,x,[]')).toStrictEqual({ id: 1, name: 'a', rate: 2, ok: true, note: 'x', tags: [] })
    expect(read('2,b,3,,,')).toStrictEqual({ id: 2, name: 'b', rate: 3 })
    expect(read('1,a,2')).toStrictEqual({ id: 1, name: 'a', rate: 2 })
  })

  it('refuses a column named __proto__', () => {
    const bad = csv().compile([column('__proto__', 'string')])
    expect(() => bad(Buffer.from('x'))).toThrow('__proto__')
  })

  it('gives every number as Number does', () => {
    const one = csv().compile([column('n', 'number')])
    const numbers = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
      fc.tuple(fc.nat(), fc.nat()).map(([a, b]) => `${a}.${b}`),
      fc.stringMatching(/^[0-9]{1,25}(\.[0-9]{0,25})?$/),
    )
    fc.assert(
      fc.property(numbers, (text) => {
        expect(one(Buffer.from(text))).toStrictEqual({ n: Number(text) })
      }),
    )
  })

  it('reads back what a writer of RFC 4180 wrote', () => {
    const fields = [column('a', 'string'), column('b', 'string'), column('c', 'string')]
    const texts = csv().compile(fields)
    const quote = (text: string) => `"${text.replaceAll('"', '""')}"`
    const wellFormed = fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(wellFormed, wellFormed, wellFormed, (a, b, c) => {
        expect(texts(Buffer.from([a, b, c].map(quote).join(',')))).toStrictEqual({ a, b, c })
      }),
    )
  })

  it('is right however values meet in the cache of strings', () => {
    const one = csv().compile([column('s', 'string')])
    const short = fc.stringMatching(/^[a-z]{1,40}$/)
    fc.assert(
      fc.property(fc.array(short, { minLength: 1, maxLength: 2000 }), (texts) => {
        for (const s of texts) expect(one(Buffer.from(s))).toStrictEqual({ s })
      }),
      { numRuns: 20 },
    )
  })
})

describe('csv with a header line', () => {
  const parseFile = csv({ header: ['id', 'Screen Name', 'extra'], fields: { 'Screen Name': 'name' } })
  const compiled = parseFile.compile([column('name', 'string'), column('id', 'integer')])

  it('takes the columns in the order of the header, renamed, unknown ones as text', () => {
    expect(compiled(Buffer.from('7,Ann,x'))).toStrictEqual({ id: 7, name: 'Ann', extra: 'x' })
    expect(compiled(Buffer.from('7,Ann,'))).toStrictEqual({ id: 7, name: 'Ann' })
  })

  it.each(['id,Screen Name,extra', '"id","Screen Name","extra"\r\n', '\ufeffid,Screen Name,extra'])(
    'takes %j for the header, which is no record',
    (line) => {
      expect(() => compiled(Buffer.from(line))).toThrow(NoRecord)
    },
  )
})
