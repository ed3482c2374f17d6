import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { csvOrJson } from '../../lib/formats/csv-or-json.ts'
import { json } from '../../lib/formats/json.ts'
import { defineStream } from '../../lib/stream/define.ts'
import { FormatError } from '../../lib/stream/format.ts'

const parse = json().compile([])
const read = (text: string | Buffer) => parse(Buffer.from(text))

describe('json', () => {
  it('reads an object, whatever stands around it', () => {
    expect(read(' {"a": 1, "b": "ž"}\n')).toEqual({ a: 1, b: 'ž' })
    expect(read('\ufeff{"a":1}')).toEqual({ a: 1 })
  })

  it('takes the last of a repeated name', () => {
    expect(read('{"a":1,"a":2}')).toEqual({ a: 2 })
  })

  it('keeps every digit of a number that a stream has as text', () => {
    const ids = json({ asText: ['id'] }).compile([])
    const text = '{"id":901656910939770881,"n":1.50,"in":{"id":901656910939770883}}'
    expect(ids(Buffer.from(text))).toEqual({
      id: '901656910939770881',
      n: 1.5,
      in: { id: 901656910939770900 },
    })
    expect(ids(Buffer.from('{"id":12,"id":34}'))).toEqual({ id: '34' })
    expect(ids(Buffer.from('{"id":"x"}'))).toEqual({ id: 'x' })
    expect(ids(Buffer.from('{"n":1}'))).toEqual({ n: 1 })
  })

  it.each([
    ['an array', '[1]', 'found an array'],
    ['null', 'null', 'found null'],
    ['a number', '1', 'found a number'],
    ['text that is not JSON', '{"a":SECRET}', 'found text of 12 characters that is not JSON'],
    ['JSON cut short', '{"a":"SECRET', 'that is not JSON'],
    ['two objects', '{"a":1}{"b":"SECRET"}', 'at character 7'],
    ['nothing', '', 'found text of 0 characters'],
    ['__proto__', '{"__proto__":{"SECRET":1}}', 'a field may not be named __proto__'],
    ['__proto__ in escapes', '{"\\u005f_proto__":1}', 'a field may not be named __proto__'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d]), 'expected UTF-8'],
  ])('refuses %s', (_what, text, message) => {
    expect(() => read(text)).toThrow(FormatError)
    expect(() => read(text)).toThrow(message)
    try {
      read(text)
    } catch (error) {
      expect(String(error)).not.toContain('SECRET')
    }
  })

  it('leaves prototypes alone below the top as well', () => {
    const value = read('{"a":{"__proto__":{"polluted":1}}}')
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
    expect(JSON.stringify({ ...(value as object) })).toBe('{"a":{"__proto__":{"polluted":1}}}')
  })
})

describe('csvOrJson', () => {
  const stream = defineStream({
    name: 'things',
    title: 'Things',
    description: 'Things in either format',
    format: csvOrJson(),
    schema: z.object({ kind: z.string(), size: z.number(), label: z.string().optional() }),
    views: {},
    partitions: 1,
  })

  it('reads either by the first byte', () => {
    const value = { kind: 'a', size: 2 }
    expect(stream.parse(Buffer.from('a,2'))).toEqual({ ok: true, value })
    expect(stream.parse(Buffer.from('{"kind":"a","size":2}'))).toEqual({ ok: true, value })
    expect(stream.parse(Buffer.from('a,2,x'))).toEqual({ ok: true, value: { ...value, label: 'x' } })
  })

  it('names the stage that refused a record', () => {
    expect(stream.parse(Buffer.from('a,b'))).toMatchObject({ ok: false, stage: 'parse' })
    expect(stream.parse(Buffer.from('{"kind":1,"size":2}'))).toMatchObject({ ok: false, stage: 'validate' })
    expect(stream.parse(Buffer.from('{'))).toMatchObject({ ok: false, stage: 'parse' })
  })
})
