import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OkEntry } from '../../lib/stream/entry.ts'
import type { ViewDefinition } from '../../lib/stream/view-definition.ts'
import {
  applyToBoard,
  boardFromBytes,
  boardToBytes,
  EMPTY_BOARD,
  type Numbered,
} from '../../lib/views/board.ts'
import { displayKey, keyPart, PART_BYTES_MAX } from '../../lib/views/key.ts'
import { RECORD_KEYS_MAX } from '../../lib/views/keys.ts'
import { compileView } from '../../lib/views/view.ts'

const definition: ViewDefinition = {
  title: 'By kind and colour',
  groupBy: ['kind', 'colours'],
  slotMs: 60_000,
  aggregates: { count: { kind: 'count' }, total: { kind: 'sum', field: 'price', decimals: 2 } },
}
const view = compileView('shop', 'byKind', definition)

function entry(origin: number, value: OkEntry['value']): Numbered {
  const head = { site: 's', topic: 'shop.raw.g1', partition: 0, appendTime: 0, eventTime: 0 } as const
  const entry: OkEntry = { ...head, offset: origin, outcome: 'ok', value }
  return { origin, entry, keys: view.keysOf(entry) }
}

const log = fc
  .array(
    fc.record({
      kind: fc.constantFrom('a', 'b', '__proto__'),
      colours: fc.subarray(['red', 'blue']),
      price: fc.integer(),
    }),
  )
  .map((values) => values.map((value, origin) => entry(origin, value)))

describe('a board', () => {
  it('is the same however its entries are cut, repeated and delivered late', () => {
    fc.assert(
      fc.property(log, fc.array(fc.tuple(fc.nat(), fc.nat())), (all, windows) => {
        const whole = applyToBoard(view, EMPTY_BOARD, all)
        let board = EMPTY_BOARD
        let done = 0
        for (const [back, length] of windows) {
          // A delivery begins at or below what has been taken in, as an at-least-once mapping's does.
          const from = Math.max(0, done - (back % 5))
          const batch = all.slice(from, from + (length % 7))
          board = applyToBoard(view, board, batch)
          done = Math.max(done, from + batch.length)
        }
        board = applyToBoard(view, board, all)
        expect(board).toEqual(whole)
      }),
    )
  })

  it('comes back from its stored form', () => {
    fc.assert(
      fc.property(log, (all) => {
        const board = applyToBoard(view, EMPTY_BOARD, all)
        expect(boardFromBytes(view, boardToBytes(view, board))).toEqual(board)
      }),
    )
  })

  it('is handed back unchanged when nothing is above its mark', () => {
    const board = applyToBoard(view, EMPTY_BOARD, [entry(0, { kind: 'a', colours: ['red'], price: 1 })])
    expect(applyToBoard(view, board, [entry(0, { kind: 'b', colours: ['red'], price: 9 })])).toBe(board)
  })

  it('refuses bytes of another form', () => {
    const read = (text: string) => boardFromBytes(view, Buffer.from(text))
    expect(() => read('{"form":99,"mark":1,"keys":[]}')).toThrow(/form 2/)
    expect(() => read('{"form":1,"mark":1,"keys":{}}')).toThrow(/form 2/)
    expect(() => read('{"form":2,"mark":1,"keys":["a",[1]]}')).toThrow(TypeError)
    expect(() => read('{"form":2,"mark":1,"keys":["a",[1,0],"a",[1,0]]}')).toThrow(/twice/)
    expect(() => read('{"form":2,"mark":1,"keys":["a"]}')).toThrow(TypeError)
  })
})

describe('keys', () => {
  const keys = (value: OkEntry['value']) => view.keysOf(entry(0, value).entry).map(displayKey)

  it('are one for each distinct element of an array', () => {
    expect(keys({ kind: 'a', colours: ['red', 'blue', 'red'], price: 1 })).toEqual(['a|red', 'a|blue'])
  })

  it('are one for each element of an array where the view counts repeats, which makes it another view', () => {
    const uses = compileView('test', 'byColour', { ...definition, groupBy: ['colours'], repeats: true })
    const once = compileView('test', 'byColour', { ...definition, groupBy: ['colours'] })
    const { entry: two } = entry(0, { kind: 'a', colours: ['red', 'blue', 'red'], price: 1 })
    expect(uses.keysOf(two)).toEqual(['red', 'blue', 'red'])
    expect(once.keysOf(two)).toEqual(['red', 'blue'])
    expect(uses.version).not.toBe(once.version)
  })

  it('are cut where a part is long, and stay as many as the values', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary', maxLength: 400, size: 'max' })), (texts) => {
        const cut = new Set(texts.map(keyPart))
        const clean = texts.map((text) => text.replaceAll('\u001f', ' ').toWellFormed())
        expect(cut.size).toBe(new Set(clean).size)
        for (const part of cut) {
          expect(Buffer.byteLength(part)).toBeLessThan(PART_BYTES_MAX + 32)
          expect(part).toBe(Buffer.from(part).toString())
        }
        for (const text of clean)
          if (Buffer.byteLength(text) <= PART_BYTES_MAX) expect(keyPart(text)).toBe(text)
          else expect(Buffer.byteLength(keyPart(text))).toBeGreaterThan(PART_BYTES_MAX)
      }),
    )
  })

  it('are at most so many of one record, however long its arrays are', () => {
    const long = Array.from({ length: 30_000 }, (_, i) => String(i))
    const entryOf = (value: OkEntry['value']) => entry(0, value).keys
    expect(entryOf({ kind: long, colours: long, price: 1 })).toHaveLength(RECORD_KEYS_MAX)
    expect(
      entryOf({ kind: long, colours: ['red'], price: 1 })
        .slice(0, 2)
        .map(displayKey),
    ).toEqual(['0|red', '1|red'])
  })

  it('are none where a field is missing', () => {
    expect(keys({ kind: 'a', price: 1 })).toEqual([])
    expect(keys({ colours: ['red'], price: 1 })).toEqual([])
  })

  it('are of ok entries only, unless the view asks for the outcome', () => {
    const dead = { ...entry(0, {}).entry, outcome: 'dead', stage: 'parse', reason: 'x', raw: '' } as const
    expect(view.keysOf(dead)).toEqual([])
    const byOutcome = compileView('s', 'v', {
      title: '',
      groupBy: ['@outcome'],
      slotMs: 60_000,
      aggregates: { count: { kind: 'count' } },
    })
    expect(byOutcome.keysOf(dead)).toEqual(['dead'])
  })

  it('keep their parts apart whatever the parts hold', () => {
    const [key = ''] = view.keysOf(entry(0, { kind: 'a\u001fb', colours: ['c|d'], price: 1 }).entry)
    expect(view.fieldsOf(key)).toEqual({ kind: 'a b', colours: 'c|d' })
  })
})

describe('a version', () => {
  const base = {
    title: 't',
    groupBy: ['kind'],
    slotMs: 60_000,
    aggregates: { count: { kind: 'count' } },
  } as const
  const version = (change: object) => compileView('s', 'v', { ...base, ...change }).version

  it('is that of the definition and not of its title', () => {
    expect(version({})).toBe('8cc09046025e')
    expect(version({ title: 'another' })).toBe(version({}))
    expect(version({ slotMs: 10_000 })).not.toBe(version({}))
    expect(version({ where: [{ field: 'kind', in: ['a'] }] })).not.toBe(version({}))
  })

  it('is another for another sketch, and the same whatever of it is asked for in the end', () => {
    const of = (one: object) => version({ aggregates: { it: one } })
    // Segments and boards are stored under these.
    expect(of({ kind: 'distinct', field: 'kind' })).toBe('3037ca1952a6')
    expect(of({ kind: 'top', field: 'kind' })).toBe('e531a3108f90')
    expect(of({ kind: 'quantile', field: 'price', at: [0.5] })).toBe('5ba8af7442ca')
    expect(of({ kind: 'distinct', field: 'kind', precision: 12 })).toBe(
      of({ kind: 'distinct', field: 'kind' }),
    )
    expect(of({ kind: 'distinct', field: 'kind', precision: 13 })).not.toBe(
      of({ kind: 'distinct', field: 'kind' }),
    )
    expect(of({ kind: 'top', field: 'kind', k: 3 })).toBe(of({ kind: 'top', field: 'kind', k: 7 }))
    expect(of({ kind: 'quantile', field: 'price', at: [0.9] })).toBe(
      of({ kind: 'quantile', field: 'price', at: [0.5] }),
    )
    expect(version({ retentionDays: 7 })).toBe(version({}))
  })
})
