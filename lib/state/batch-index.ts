import { createHash } from 'node:crypto'
import { bucketOf, keyHash } from '../formats/segment-order.ts'
import { PortError } from '../ports/errors.ts'
import type { ViewDefinition } from '../stream/view-definition.ts'
import type { View } from '../views/view.ts'

/**
 * What a batch view consists of and what it covers: an immutable object, named by its content. It lists chunks of slots,
 * each a power of two of buckets, each a segment (lib/formats/segment.ts).
 */
export interface BatchIndex {
  readonly form: 1
  /** `versionName` of the view. */
  readonly view: string
  readonly slotMs: number
  readonly chunkMs: number
  readonly covers: BatchCoverage
  /** Chunks before it are left out, as no query asks for them (`keptFromMs`). Missing: none are. */
  readonly keptFromMs?: number
  /** In order of `from`, none empty. */
  readonly chunks: readonly BatchChunk[]
}

/** Which records are in a batch view: every one of an epoch below the horizon that lies below `end` and is not retracted. */
export interface BatchCoverage {
  readonly horizon: number
  readonly epochMs: number
  readonly partitions: readonly CoveredPartition[]
  /** Digest of the retracted stretches below each `below`. */
  readonly retractions: string
  /** Ids of the retractions they are of. Missing in what was planned before this was noted. */
  readonly retractionIds?: readonly string[]
}

export interface CoveredPartition {
  /** Raw topic. */
  readonly topic: string
  readonly partition: number
  /** Raw offsets below it were read. */
  readonly end: number
  /** No record of an epoch below the horizon lies at or above it, of those below `end`. */
  readonly below: number
  /** No record of an epoch from the horizon on lies below it. Not above `end`. */
  readonly beyond: number
}

export interface BatchChunk {
  /** Start of its first slot, ms. */
  readonly from: number
  /** In order of bucket. */
  readonly segments: readonly SegmentNote[]
}

export interface SegmentNote {
  readonly name: string
  readonly sizeBytes: number
  readonly tailBytes: number
  readonly keys: number
  readonly rows: number
}

const DAY_MS = 86_400_000
const DAYS_OF_DAY_SLOTS = 32

/** Length of a view's chunks: a day of slots; of slots of a day, 32. */
export function chunkMsOf(slotMs: number): number {
  return slotMs < DAY_MS ? DAY_MS : DAY_MS * DAYS_OF_DAY_SLOTS
}

/**
 * From which chunk on a batch view that covers the epochs before `horizon` keeps its slots, ms; 0: all. No query asks for slots that
 * ended `retentionDays` before it is put, and it is put after the horizon; a day more is for clocks. It is a function of what
 * the view covers, so that what is added to has the same chunks as what is built anew.
 */
export function keptFromMs(
  { slotMs, retentionDays }: Pick<ViewDefinition, 'slotMs' | 'retentionDays'>,
  { horizon, epochMs }: Pick<BatchCoverage, 'horizon' | 'epochMs'>,
): number {
  if (retentionDays === undefined) return 0
  const chunkMs = chunkMsOf(slotMs)
  const lastMs = horizon * epochMs - (retentionDays + 1) * DAY_MS - slotMs
  return Math.max(0, Math.floor(lastMs / chunkMs) * chunkMs)
}

/** The segment of a chunk that holds a key where it is there at all. */
export function segmentFor({ segments }: BatchChunk, key: string): SegmentNote | undefined {
  return segments[bucketOf(keyHash(key), segments.length)]
}

/** Everything the batch layer has written of a stream. */
export function batchPrefix(stream: string): string {
  return `batch/${stream}/`
}

/** Of one view version. */
export function viewPrefix({ id, version }: Pick<View, 'id' | 'version'>): string {
  return `batch/${id.replace('.', '/')}/${version}/`
}

export function segmentKey(view: Pick<View, 'id' | 'version'>, name: string): string {
  return `${viewPrefix(view)}segments/${name}`
}

/** An index as it is stored: canonical bytes under the name they make. */
export function indexObject(view: Pick<View, 'id' | 'version'>, index: BatchIndex) {
  const bytes = Buffer.from(JSON.stringify(index))
  const name = createHash('sha256').update(bytes).digest('hex')
  return { key: `${viewPrefix(view)}indexes/${name}.json`, bytes }
}

/** What makes damaged objects of batch views good; an ordinary run adds to what stands, and stops at it. */
export const REPAIR = 'a recompute from the first record on makes it anew (weir recompute STREAM --full)'

/** Throws a PortError CORRUPT on bytes that are not the ones the name was made of. */
export function indexFromBytes(key: string, bytes: Uint8Array): BatchIndex {
  const name = createHash('sha256').update(bytes).digest('hex')
  if (!key.endsWith(`/${name}.json`))
    throw new PortError('CORRUPT', `batch index ${key} has other bytes than were written: ${REPAIR}`, {
      curable: false,
    })
  const index = JSON.parse(Buffer.from(bytes).toString()) as BatchIndex
  if (index.form !== 1)
    throw new PortError('CORRUPT', `batch index ${key} is not of form 1: ${REPAIR}`, { curable: false })
  return index
}
