import { ByteWriter, ParquetWriter } from 'hyparquet-writer'
import type { Column } from '../stream/columns.ts'
import type { Entry } from '../stream/entry.ts'
import { zstdCompressor } from './parquet-codec.ts'
import { columnData } from './parquet-columns.ts'
import { type FileNote, NOTE_KEY, parquetSchemaOf } from './parquet-schema.ts'

/** Rows a row group holds at most: what a reader has decoded at one time. */
export const ROW_GROUP_ROWS = 65_536

/** A master file of the entries, in their order. Throws where `columns` clash with the envelope. */
export function writeParquet(columns: readonly Column[], entries: readonly Entry[]): Uint8Array {
  const { bytes, parquet } = openParquet(columns)
  parquet.write({ columnData: columnData(columns, entries), rowGroupSize: ROW_GROUP_ROWS })
  parquet.finish()
  return bytes.getBytes()
}

/** A master file to be written row group by row group into `bytes`. Throws where `columns` clash with the envelope. */
export function openParquet(columns: readonly Column[]): { bytes: ByteWriter; parquet: ParquetWriter } {
  const note: FileNote = { form: 1, columns }
  const bytes = new ByteWriter(64 * 1024)
  const parquet = new ParquetWriter({
    writer: bytes,
    schema: parquetSchemaOf(columns),
    codec: 'ZSTD',
    compressors: zstdCompressor,
    kvMetadata: [{ key: NOTE_KEY, value: JSON.stringify(note) }],
    createdBy: 'weir',
  })
  return { bytes, parquet }
}
