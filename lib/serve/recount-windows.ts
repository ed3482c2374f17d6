import type { BatchChunk, BatchIndex, SegmentNote } from '../state/batch-index.ts'

/** Rows (key and slot) recounted at one time: some 200 MB of states and keys. */
export const WINDOW_ROWS_MAX = 250_000

/** A segment with its place in the batch view. */
export interface PlacedSegment {
  readonly note: SegmentNote
  /** Start of the chunk, ms. */
  readonly chunk: number
  readonly bucket: number
  readonly buckets: number
}

/** A part of a batch view that is recounted at one time: slots in [from, to), of which keys in some buckets only. */
export interface RecountWindow {
  readonly from: number
  readonly to: number
  /** Buckets [fromBucket, toBucket) of `buckets`; all keys where it is 1. */
  readonly buckets: number
  readonly fromBucket: number
  readonly toBucket: number
  readonly segments: readonly PlacedSegment[]
}

/**
 * Windows of at most `rowsMax` rows, or one segment, that together hold every slot there could be and every key once:
 * whatever the index lists, a row that it lacks falls into one of them.
 */
export function recountWindows(
  { chunks }: Pick<BatchIndex, 'chunks'>,
  rowsMax = WINDOW_ROWS_MAX,
): readonly RecountWindow[] {
  const groups = groupsOf(chunks, rowsMax)
  const windows = groups.flatMap((group, i) => {
    const from = i === 0 ? Number.NEGATIVE_INFINITY : (group[0]?.from ?? 0)
    const to = groups[i + 1]?.[0]?.from ?? Number.POSITIVE_INFINITY
    const [only] = group
    if (only !== undefined && group.length === 1) return bucketWindows(only, { from, to }, rowsMax)
    return [{ from, to, ...ALL_KEYS, segments: group.flatMap(placed) }]
  })
  return windows.length > 0 ? windows : [{ ...ALL_SLOTS, ...ALL_KEYS, segments: [] }]
}

const ALL_SLOTS = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY }
const ALL_KEYS = { buckets: 1, fromBucket: 0, toBucket: 1 }

/** Chunks that follow each other, as many as hold `rowsMax` rows together. */
function groupsOf(chunks: readonly BatchChunk[], rowsMax: number): readonly (readonly BatchChunk[])[] {
  const groups: BatchChunk[][] = []
  let rows = 0
  for (const chunk of chunks) {
    const more = rowsOf(chunk.segments)
    const last = groups.at(-1)
    if (last === undefined || rows + more > rowsMax) {
      groups.push([chunk])
      rows = more
    } else {
      last.push(chunk)
      rows += more
    }
  }
  return groups
}

function bucketWindows(
  chunk: BatchChunk,
  slots: { readonly from: number; readonly to: number },
  rowsMax: number,
): readonly RecountWindow[] {
  const buckets = Math.max(1, chunk.segments.length)
  const windows: RecountWindow[] = []
  let segments: PlacedSegment[] = []
  const close = (toBucket: number) => {
    const fromBucket = windows.at(-1)?.toBucket ?? 0
    windows.push({ ...slots, buckets, fromBucket, toBucket, segments })
    segments = []
  }
  for (const one of placed(chunk)) {
    const rows = rowsOf([...segments.map(({ note }) => note), one.note])
    if (segments.length > 0 && rows > rowsMax) close(one.bucket)
    segments.push(one)
  }
  close(buckets)
  return windows
}

function placed({ from, segments }: BatchChunk): readonly PlacedSegment[] {
  return segments.map((note, bucket) => ({ note, chunk: from, bucket, buckets: segments.length }))
}

function rowsOf(segments: readonly SegmentNote[]): number {
  return segments.reduce((sum, { rows }) => sum + rows, 0)
}
