import fc from 'fast-check'
import { parquetMetadataAsync } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import { entriesOf } from '../../lib/formats/parquet-entries.ts'
import { openSource, ParquetMerge } from '../../lib/formats/parquet-merge.ts'
import { readParquet } from '../../lib/formats/parquet-read.ts'
import { writeParquet } from '../../lib/formats/parquet-write.ts'
import { bytesFile } from '../../lib/master/object-file.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { anyEntries, COLUMNS } from './entries.ts'

async function merged(files: readonly Uint8Array[]): Promise<Uint8Array> {
  const merge = new ParquetMerge(COLUMNS)
  for (const bytes of files) await merge.add(await openSource(bytesFile(bytes)))
  return merge.finish()
}

async function back(bytes: Uint8Array): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const chunk of readParquet(bytesFile(bytes))) entries.push(...entriesOf(chunk))
  return entries
}

function cut<T>(list: readonly T[], at: readonly number[]): (readonly T[])[] {
  const bounds = [0, ...new Set(at.map((n) => n % (list.length + 1))), list.length].sort((a, b) => a - b)
  return bounds.slice(1).map((to, i) => list.slice(bounds[i], to))
}

describe('merging master files', () => {
  it('gives the entries of all of them, in order, whatever lies in their fields', async () => {
    await fc.assert(
      fc.asyncProperty(anyEntries(40), fc.array(fc.nat(), { maxLength: 5 }), async (entries, at) => {
        const files = cut(entries, at).map((part) => writeParquet(COLUMNS, part))
        expect(await back(await merged(files))).toEqual(entries)
      }),
      { numRuns: 150 },
    )
  })

  it('gathers small row groups into large ones, with statistics', async () => {
    const head = { site: 's', topic: 't.raw.g1', partition: 0 }
    const entries = Array.from({ length: 140_000 }, (_, offset): Entry => {
      const times = { appendTime: 1_700_000_000_000 + offset, eventTime: 1_700_000_000_000 - offset }
      return { ...head, ...times, offset, outcome: 'ok', value: { text: `t${offset % 9}`, integer: offset } }
    })
    const parts = Array.from({ length: 14 }, (_, i) => entries.slice(i * 10_000, (i + 1) * 10_000))
    const files = parts.map((part) => writeParquet(COLUMNS, part))
    const bytes = await merged(files)
    expect(await back(bytes)).toEqual(entries)
    expect(bytes.length).toBeLessThan(files.reduce((sum, { length }) => sum + length, 0))
    const { row_groups } = await parquetMetadataAsync(bytesFile(bytes))
    expect(row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([60_000, 60_000, 20_000])
    const statistics = row_groups.map(({ columns }) => {
      const column = columns.find(({ meta_data }) => meta_data?.path_in_schema[0] === 'weir_append_time')
      return [column?.meta_data?.statistics?.min_value, column?.meta_data?.statistics?.max_value].map(Number)
    })
    expect(statistics[1]).toEqual([1_700_000_060_000, 1_700_000_119_999])
  })

  it('refuses what is no master file, and tells files of other columns apart', async () => {
    await expect(openSource(bytesFile(Buffer.from('PAR1 but no Parquet PAR1')))).rejects.toThrow()
    const others = writeParquet([{ name: 'other', kind: 'string', optional: true }], [])
    const merge = new ParquetMerge(COLUMNS)
    expect(merge.takes(await openSource(bytesFile(others)))).toBe(false)
    expect(merge.takes(await openSource(bytesFile(writeParquet(COLUMNS, []))))).toBe(true)
  })
})
