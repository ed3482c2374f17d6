import { type AsyncBuffer, type DecodedArray, parquetMetadataAsync, parquetScan } from 'hyparquet'
import type { Column } from '../stream/columns.ts'
import { zstdDecompressor } from './parquet-codec.ts'
import { ENVELOPE, type EnvelopeName, type FileNote, NOTE_KEY, readNote } from './parquet-schema.ts'

/** Which columns to decode. A field or envelope column left out costs nothing to read. */
export interface Wanted {
  /** Fields of the record; undefined: all. */
  readonly fields?: readonly string[] | undefined
  /** Undefined: all. */
  readonly envelope?: readonly EnvelopeName[] | undefined
}

/** Rows of one row group, column by column. Cells that hold nothing are null or undefined. */
export interface Chunk {
  readonly rows: number
  /** Undefined where the column was not asked for. Times are ms; offsets and other 64-bit integers are numbers. */
  envelope(name: EnvelopeName): ArrayLike<unknown> | undefined
  /** The wanted fields that the file has a column for. JSON is still text. */
  readonly fields: readonly { readonly column: Column; readonly cells: ArrayLike<unknown> }[]
}

/** Own parsers, because a TextDecoder would eat a byte order mark, and because times here are numbers. */
const PARSERS = {
  stringFromBytes: (bytes: Uint8Array | undefined) =>
    bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
  timestampFromMilliseconds: (ms: bigint | undefined) => (ms === undefined ? undefined : Number(ms)),
}

/** How the cells of a master file are decoded: for all who read one. */
export function cellOptions<F extends AsyncBuffer | undefined>(file?: F) {
  return { file: file as F, parsers: PARSERS, geoparquet: false, utf8: false, compressors: zstdDecompressor }
}

/** The row groups of a master file, one after the other. Throws a TypeError on a Parquet file that is not one. */
export async function* readParquet(file: AsyncBuffer, wanted: Wanted = {}): AsyncGenerator<Chunk> {
  const options = cellOptions(file)
  const metadata = await parquetMetadataAsync(file, options)
  const note = readNote(metadata.key_value_metadata?.find(({ key }) => key === NOTE_KEY)?.value)
  const envelope = wantedEnvelope(wanted)
  const fields = wantedFields(note, wanted)
  const scan = await parquetScan({ ...options, metadata })
  for (const range of scan.ranges) {
    const read = async (column: string) => numbers(await scan.readColumn({ column, ...range }))
    const heads = new Map(await Promise.all(envelope.map(async (name) => [name, await read(name)] as const)))
    yield {
      rows: range.rowEnd - range.rowStart,
      envelope: (name) => heads.get(name),
      fields: await Promise.all(fields.map(async (column) => ({ column, cells: await read(column.name) }))),
    }
  }
}

/** `weir_extra` comes with any field: it may hold what the field's own column could not. */
function wantedEnvelope({ fields, envelope }: Wanted): readonly EnvelopeName[] {
  const all = ENVELOPE.map(({ name }) => name)
  if (envelope === undefined) return all
  const some = new Set(envelope)
  if (fields === undefined || fields.length > 0) some.add('weir_extra')
  return all.filter((name) => some.has(name))
}

function wantedFields({ columns }: FileNote, { fields }: Wanted): readonly Column[] {
  if (fields === undefined) return columns
  const some = new Set(fields)
  return columns.filter(({ name }) => some.has(name))
}

/** 64-bit integers as numbers: the writer put only safe ones there. */
function numbers(cells: DecodedArray): ArrayLike<unknown> {
  if (cells instanceof BigInt64Array) return Float64Array.from(cells, Number)
  if (!Array.isArray(cells)) return cells
  const first = cells.find((cell) => cell !== null && cell !== undefined)
  if (typeof first !== 'bigint') return cells
  return cells.map((cell) => (typeof cell === 'bigint' ? Number(cell) : cell))
}
