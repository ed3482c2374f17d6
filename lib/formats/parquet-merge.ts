import { type AsyncBuffer, type DecodedArray, parquetMetadataAsync, parquetScan } from 'hyparquet'
import type { ByteWriter, ColumnSource, ParquetWriter } from 'hyparquet-writer'
import type { Column } from '../stream/columns.ts'
import { columnOptions } from './parquet-columns.ts'
import { cellOptions } from './parquet-read.ts'
import { ENVELOPE, NOTE_KEY, readNote } from './parquet-schema.ts'
import { openParquet, ROW_GROUP_ROWS } from './parquet-write.ts'

/** Raw column bytes after which a row group is written, however few its rows: what is decoded at one time. */
const ROW_GROUP_BYTES = 64 * 1024 * 1024

/** A master file, opened to be merged. */
export interface MergeSource {
  readonly columns: readonly Column[]
  readonly scan: Awaited<ReturnType<typeof parquetScan>>
}

/** Throws a TypeError on a Parquet file that is no master file. */
export async function openSource(file: AsyncBuffer): Promise<MergeSource> {
  const options = { ...cellOptions(file), parsers: RAW_PARSERS }
  const metadata = await parquetMetadataAsync(file, options)
  const { columns } = readNote(metadata.key_value_metadata?.find(({ key }) => key === NOTE_KEY)?.value)
  return { columns, scan: await parquetScan({ ...options, metadata }) }
}

/** Cells as the writer takes them: times stay the integers they are. */
const RAW_PARSERS = {
  ...cellOptions().parsers,
  timestampFromMilliseconds: (ms: bigint | undefined) => ms,
}

/** Rows that wait for their row group to be full. */
interface Pending {
  readonly rows: number
  /** Uncompressed. */
  readonly rawBytes: number
  /** In the file they came from. */
  readonly packedBytes: number
  readonly cells: readonly DecodedArray[]
}

/**
 * Master files of the same columns made into one, in the order they are added: column by column and cell by cell, no
 * row is ever put together. Holds the cells of one row group at a time, and the bytes written.
 */
export class ParquetMerge {
  readonly columns: readonly Column[]
  readonly #bytes: ByteWriter
  readonly #parquet: ParquetWriter
  readonly #names: readonly string[]
  #pending: Pending[] = []

  constructor(columns: readonly Column[]) {
    const { bytes, parquet } = openParquet(columns)
    this.columns = columns
    this.#bytes = bytes
    this.#parquet = parquet
    this.#names = [...ENVELOPE.map(({ name }) => name as string), ...columns.map(({ name }) => name)]
  }

  /** Whether a file has the columns that the others have. */
  takes({ columns }: MergeSource): boolean {
    return JSON.stringify(columns) === JSON.stringify(this.columns)
  }

  async add({ scan }: MergeSource): Promise<void> {
    for (const [i, range] of scan.ranges.entries()) {
      const group = scan.metadata.row_groups[i]
      const rows = range.rowEnd - range.rowStart
      const rawBytes = Number(group?.total_byte_size ?? 0)
      const packedBytes = Number(group?.total_compressed_size ?? rawBytes)
      const overfull = this.#sum('rows') + rows > ROW_GROUP_ROWS
      if (overfull || this.#sum('rawBytes') + rawBytes > ROW_GROUP_BYTES) this.#flush()
      const cells = await Promise.all(this.#names.map((column) => scan.readColumn({ column, ...range })))
      this.#pending.push({ rows, rawBytes, packedBytes, cells })
    }
  }

  /** About the size of the file so far: what is written, and what the rest had in the files it came from. */
  get sizeBytes(): number {
    return this.#bytes.offset + this.#sum('packedBytes')
  }

  /** The file. Nothing may be added after it. */
  finish(): Uint8Array {
    this.#flush()
    this.#parquet.finish()
    return this.#bytes.getBytes()
  }

  #sum(what: 'rows' | 'rawBytes' | 'packedBytes'): number {
    return this.#pending.reduce((sum, one) => sum + one[what], 0)
  }

  #flush(): void {
    const rows = this.#sum('rows')
    if (rows === 0) return
    const pending = this.#pending
    this.#pending = []
    const columnData = this.#names.map((name, i): ColumnSource => {
      const data = concat(
        pending.map(({ cells }) => cells[i] ?? []),
        rows,
      )
      return { name, data, ...columnOptions(name) }
    })
    this.#parquet.write({ columnData, rowGroupSize: rows })
  }
}

function concat(parts: readonly DecodedArray[], rows: number): DecodedArray {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  const all: unknown[] = new Array(rows)
  let at = 0
  for (const part of parts) for (let i = 0; i < part.length; i++) all[at++] = part[i]
  return all
}
