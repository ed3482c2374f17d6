import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { entriesOf, okValues } from '../../lib/formats/parquet-entries.ts'
import { readParquet, type Wanted } from '../../lib/formats/parquet-read.ts'
import { writeParquet } from '../../lib/formats/parquet-write.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { anyEntries, COLUMNS } from './entries.ts'

function asFile(bytes: Uint8Array) {
  const copy = Uint8Array.from(bytes).buffer
  return { byteLength: copy.byteLength, slice: (from: number, to?: number) => copy.slice(from, to) }
}

async function back(bytes: Uint8Array, wanted?: Wanted): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const chunk of readParquet(asFile(bytes), wanted))
    entries.push(...entriesOf(chunk, wanted?.fields))
  return entries
}

describe('a master file', () => {
  it('gives back any entries as they were, whatever lies in their fields', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries(30), async (entries) => {
        expect(await back(writeParquet(COLUMNS, entries))).toEqual(entries)
      }),
      { numRuns: 300 },
    )
  })

  it('gives back under a projection what the fields asked for hold, also where a column could not', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyEntries(20),
        fc.subarray(['text', 'integer', 'stranger']),
        async (entries, fields) => {
          const file = asFile(writeParquet(COLUMNS, entries))
          const values: unknown[] = []
          for await (const chunk of readParquet(file, { fields, envelope: ['weir_outcome'] }))
            values.push(...okValues(chunk, fields))
          const expected = entries.flatMap((entry) => (entry.outcome === 'ok' ? [entry.value] : []))
          const only = (value: object) =>
            Object.fromEntries(
              Object.entries(value).filter(([name]) => fields.some((field) => field === name)),
            )
          expect(values).toEqual(expected.map(only))
        },
      ),
      { numRuns: 100 },
    )
  })

  it('keeps fields that a later release of the stream no longer has, and lacks those it adds', async () => {
    const entry = { site: 's', topic: 't.raw.g1', partition: 0, offset: 0, appendTime: 1, eventTime: 2 }
    const old = writeParquet(COLUMNS, [{ ...entry, outcome: 'ok', value: { text: 'a', integer: 7 } }])
    const wanted = { fields: ['integer', 'added'] }
    expect(await back(old, wanted)).toEqual([{ ...entry, outcome: 'ok', value: { integer: 7 } }])
  })

  it('spans row groups', async () => {
    const entries = Array.from({ length: 70_000 }, (_, offset): Entry => {
      const value = { text: `t${offset % 7}`, integer: offset, number: offset / 3, list: [offset] }
      const time = 1_700_000_000_000 + offset
      const head = { site: 's', topic: 't.raw.g1', partition: 0, offset, appendTime: time, eventTime: time }
      return { ...head, outcome: 'ok', value }
    })
    expect(await back(writeParquet(COLUMNS, entries))).toEqual(entries)
  })

  it('refuses a field that takes a name of the envelope', () => {
    const columns = [{ name: 'weir_offset', kind: 'integer', optional: false }] as const
    expect(() => writeParquet(columns, [])).toThrow('field weir_offset')
  })
})
