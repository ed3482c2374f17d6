import type { RawPointer } from '../stream/entry.ts'
import type { Place } from './place.ts'

/** What a source gives: runs of records in one slab, and now and then a record too large for the log. */
export type Block = RecordBlock | LargeRecord

/** Records side by side. Nothing is allocated per record, and no promise is awaited per record. */
export interface RecordBlock {
  readonly kind: 'records'
  readonly bytes: Buffer
  /** Record i is `bytes[bounds[2 * i], bounds[2 * i + 1])`. */
  readonly bounds: Uint32Array
  readonly count: number
  /** Position of the first record in its source, counted from 0; the others follow without a gap, unless `positions` says otherwise. */
  readonly position: number
  /** Of each record, where they are not numbered. */
  readonly positions?: Float64Array
  /** Of each record, where some share a position: which of them it is, from 0. */
  readonly nths?: Uint32Array
  /** Where the source changed their order: the position each had before. */
  readonly indexes?: Uint32Array
}

/** A record above the limit of the log: its bytes lie in the object store already. */
export interface LargeRecord {
  readonly kind: 'large'
  readonly position: number
  readonly pointer: RawPointer
  readonly index?: number
}

export function recordsIn(block: Block): number {
  return block.kind === 'records' ? block.count : 1
}

/** Where record `i` of the block stands. */
export function placeAt(block: Block, source: number, i: number): Place {
  if (block.kind === 'large') return { source, position: block.position }
  const position = block.positions === undefined ? block.position + i : (block.positions[i] as number)
  const nth = block.nths?.[i] ?? 0
  return nth === 0 ? { source, position } : { source, position, nth }
}

/** Record `i` of the block: a view, valid as long as the block's bytes. */
export function recordAt(block: RecordBlock, i: number): Buffer {
  return block.bytes.subarray(block.bounds[2 * i], block.bounds[2 * i + 1])
}

/** A block of the given records, for sources that make their records one by one. */
export function blockOf(records: readonly string[], position: number): RecordBlock {
  const bytes = Buffer.from(records.join(''))
  const bounds = new Uint32Array(records.length * 2)
  let at = 0
  records.forEach((record, i) => {
    bounds[2 * i] = at
    at += Buffer.byteLength(record)
    bounds[2 * i + 1] = at
  })
  return { kind: 'records', bytes, bounds, count: records.length, position }
}
