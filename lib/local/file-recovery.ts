import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readdirSync, statSync } from 'node:fs'
import { corrupt, FileSegment, type LogPoint, segmentBase, segmentPath } from './file-segment.ts'
import { findIntact, type Scan, scanHeaders, scanIntact } from './frame-scan.ts'
import { SharedFile } from './shared-file.ts'

/** Up to where a partition is known to be whole and on disk, so that opening it need not read what is below. */
export interface RecoveryPoint {
  /** Base offset of the segment. */
  readonly segment: number
  readonly position: number
  /** The offset after the last record below. */
  readonly offset: number
  readonly lastTimeMs: number
}

export interface OpenedPartition {
  /** Ascending, at least one; the last takes the appends. */
  readonly segments: FileSegment[]
  readonly lastTimeMs: number
}

/**
 * Opens a partition's folder, making it where there is none. A process killed in mid-write leaves the beginning of a
 * frame at the end of the last segment: it was never acknowledged and is cut off. Anything else that is not a frame, or
 * the lack of what the recovery point vouches for, throws a PortError CORRUPT: offsets that consumers have seen must
 * not be given out anew.
 */
export async function openSegments(
  dir: string,
  seed: number,
  recovery: RecoveryPoint | undefined,
): Promise<OpenedPartition> {
  mkdirSync(dir, { recursive: true })
  const bases = readdirSync(dir).flatMap((name) => segmentBase(name) ?? [])
  bases.sort((a, b) => a - b)
  const activeBase = bases.at(-1) ?? 0
  if (bases.length === 0) closeSync(openSync(segmentPath(dir, activeBase), 'wx'))
  const sealed = bases.slice(0, -1).map((base, i) => sealedSegment(dir, base, bases[i + 1] ?? base, seed))
  const active = await recoverActive(dir, activeBase, seed, recovery)
  const lastTimeMs = active.lastTimeMs ?? recovery?.lastTimeMs ?? (await lastTimeOf(sealed.at(-1)))
  return { segments: [...sealed, active.segment], lastTimeMs }
}

export function sealedSegment(dir: string, base: number, nextBase: number, seed: number): FileSegment {
  const path = segmentPath(dir, base)
  const end = { position: statSync(path).size, offset: nextBase }
  return new FileSegment(new SharedFile(path, 'r'), base, seed, end)
}

async function recoverActive(
  dir: string,
  base: number,
  seed: number,
  recovery: RecoveryPoint | undefined,
): Promise<{ segment: FileSegment; lastTimeMs: number | undefined }> {
  const path = segmentPath(dir, base)
  const file = new SharedFile(path, 'r+')
  return file.use(async (fd) => {
    const sizeBytes = fstatSync(fd).size
    const known = knownPoint(base, sizeBytes, recovery)
    const segment = new FileSegment(file, base, seed, known)
    const range = { fd, from: known.position, to: sizeBytes, nextOffset: known.offset }
    const scan = await scanIntact(range, seed, (_, header) => segment.extend(header))
    await assertTorn(path, { ...range, from: scan.position, nextOffset: scan.nextOffset }, seed)
    assertReaches(path, scan, recovery)
    if (scan.position < sizeBytes) ftruncateSync(fd, scan.position)
    return { segment, lastTimeMs: scan.lastTimeMs }
  })
}

/** Where verification starts: at the recovery point if it lies in this segment, else at the segment's beginning. */
export function knownPoint(base: number, sizeBytes: number, recovery: RecoveryPoint | undefined): LogPoint {
  if (recovery?.segment !== base || recovery.position > sizeBytes) return { position: 0, offset: base }
  return { position: recovery.position, offset: recovery.offset }
}

async function assertTorn(path: string, rest: Parameters<typeof findIntact>[0], seed: number): Promise<void> {
  const intact = await findIntact(rest, seed)
  if (intact !== undefined) throw corrupt(path, rest.from, `intact records follow at byte ${intact}`)
}

function assertReaches(path: string, scan: Scan, recovery: RecoveryPoint | undefined): void {
  if (recovery === undefined || scan.nextOffset >= recovery.offset) return
  const missing = `[${scan.nextOffset}, ${recovery.offset})`
  throw corrupt(path, scan.position, `the records with offsets ${missing} were on disk and are not any more`)
}

/** The append time of a sealed segment's last frame, where nothing nearer tells the partition's last append time. */
async function lastTimeOf(segment: FileSegment | undefined): Promise<number> {
  if (segment === undefined) return 0
  const { baseOffset, end } = segment
  const scan = await segment.file.use((fd) =>
    scanHeaders({ fd, from: 0, to: end.position, nextOffset: baseOffset }, () => undefined),
  )
  return scan.lastTimeMs ?? 0
}
