import { coverageProblems, type OffsetRange } from '../master/coverage.ts'
import { emptyManifest, type Manifest, type MasterFile, manifestTotal } from '../master/manifest.ts'
import { filesOf, readManifest, readManifests } from '../master/manifest-store.ts'
import { PortError } from '../ports/errors.ts'
import type { Ports } from '../ports/ports.ts'
import { type LostRange, lostRanges, offsetsGone } from '../state/lost.ts'
import { NO_PROGRESS } from '../state/progress.ts'
import type { Stream } from '../stream/define.ts'
import type { Entry } from '../stream/entry.ts'
import { enrichedTwin, topicName } from '../stream/topic.ts'
import { BoardShelf } from './board-shelf.ts'
import { Recount } from './recount.ts'
import { type BatchReport, BatchVerification } from './verify-batch.ts'
import { checkFile } from './verify-file.ts'

type Verified = Pick<Ports, 'log' | 'keyed' | 'objects' | 'clock' | 'epochMs'>

export interface VerifyReport {
  readonly stream: string
  /** Nothing is wrong: everything in the master and on the boards is there once and agrees. */
  readonly exact: boolean
  /** Nothing is in flight: the master and the boards hold everything in the logs. */
  readonly complete: boolean
  readonly partitions: readonly PartitionReport[]
  /** Of the views that have a batch view. */
  readonly batch: readonly BatchReport[]
  readonly problems: readonly VerifyProblem[]
}

export interface VerifyProblem {
  /** The partition, object or board. */
  readonly where: string
  readonly what: string
}

export interface PartitionReport {
  readonly topic: string
  readonly partition: number
  readonly files: number
  readonly rows: number
  /** Raw offsets recorded as lost. */
  readonly lost: number
  /** Records of the raw log that the master does not hold yet. */
  readonly toArchive: number
  /** Records of the raw log that the boards do not hold yet. */
  readonly toCount: number
  readonly boards: {
    readonly agreeing: number
    readonly ahead: number
    /** Not judged: of a view that was not counted for a while, with records from before. */
    readonly partial: number
  }
}

export interface VerifyOptions {
  /** After each file: how many are done, of how many. */
  readonly onFile?: (done: number, of: number) => void
  /** Rows of batch views that are recounted at one time; the master is read again for more. */
  readonly batchRowsMax?: number
  /** Packed boards that are held at one time; they are listed again for more. */
  readonly boardBytesMax?: number
}

/**
 * Proves that the master holds every raw offset once and that every view is what its records make (rules 4, 5, 8 and 10
 * of docs/exactness.md): coverage by the manifests, every file against its manifest, a recount of every view against its
 * batch view before the horizon and its boards from it on, the ends of the logs against the progress. Reads the whole
 * master, and holds of it one file's bytes and one row group's entries at a time.
 */
export async function verifyStream(
  ports: Verified,
  stream: Stream,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const first = await verifyOnce(ports, stream, options)
  // Boards may have expired under a recount that took longer than their grace.
  return first.moved && !first.report.exact ? (await verifyOnce(ports, stream, options)).report : first.report
}

async function verifyOnce(
  ports: Verified,
  stream: Stream,
  options: VerifyOptions,
): Promise<{ readonly report: VerifyReport; readonly moved: boolean }> {
  // Before the boards: one of an epoch from this horizon on is there for as long as the pointer stands.
  const batch = await BatchVerification.start(ports, stream, options.batchRowsMax)
  const before = await partitionsOf(ports, stream)
  const total = before.reduce((sum, manifest) => sum + manifestTotal(manifest).files, 0)
  let done = 0
  let sound = true
  const onFile = () => options.onFile?.(++done, total)
  const partitions: PartitionReport[] = []
  const problems: VerifyProblem[] = []
  const views = Recount.viewsOf(stream)
  const shelf = new BoardShelf(ports, views, before, (view) => batch.horizonOf(view), options.boardBytesMax)
  for (const { topic, partition } of before) {
    const checked = await verifyPartition(ports, stream, { topic, partition }, batch, shelf, onFile)
    partitions.push(checked.report)
    problems.push(...checked.problems)
    sound &&= checked.sound
  }
  const batched = sound ? await batch.finish() : NO_BATCH
  problems.push(...batch.problems)
  const late = batched.views.some((one) => one.late > 0)
  const complete =
    !batched.moved &&
    !late &&
    partitions.every(({ toArchive, toCount, boards }) => toArchive + toCount + boards.ahead === 0)
  const exact = problems.length === 0
  const report = { stream: stream.name, exact, complete, partitions, batch: batched.views, problems }
  return { report, moved: batched.moved }
}

/** Where the master is not whole nothing can be said about what its records make. */
const NO_BATCH = { moved: false, views: [] }

/** Every partition that has a manifest or a log. */
async function partitionsOf({ log, objects }: Verified, stream: Stream): Promise<readonly Manifest[]> {
  const manifests = await readManifests(objects, stream.name)
  const topic = topicName(stream.name, 'raw')
  const { partitions = 0 } = (await log.describeTopic(topic)) ?? {}
  const known = new Set(manifests.map((manifest) => `${manifest.topic} ${manifest.partition}`))
  const empty = Array.from({ length: partitions }, (_, partition) =>
    emptyManifest(stream.name, topic, partition),
  )
  return [...manifests, ...empty.filter(({ partition }) => !known.has(`${topic} ${partition}`))]
}

async function verifyPartition(
  ports: Verified,
  stream: Stream,
  at: { readonly topic: string; readonly partition: number },
  batch: BatchVerification,
  shelf: BoardShelf,
  onFile: () => void,
): Promise<{ report: PartitionReport; sound: boolean; problems: readonly VerifyProblem[] }> {
  const { topic, partition } = at
  // The order matters: what a later read shows is never behind what an earlier one did.
  const { progress: counted = NO_PROGRESS, boardsOf } = await shelf.take(at)
  const recount = await Recount.start(ports, stream, at, counted, (view) => batch.horizonOf(view), boardsOf)
  const { manifest } = await readManifest(ports.objects, stream.name, topic, partition)
  const lost = await lostRanges(ports.keyed, topic, partition)
  const onRows = (entries: readonly Entry[]) => {
    recount.add(entries)
    batch.add(entries)
  }
  const master = await verifyMaster(ports, stream, manifest, lost, onRows, onFile)
  const boards = master.sound ? recount.finish(manifest.progress.highestOrigin) : NOT_RECOUNTED(at)
  const ends = await logEnds(ports, at)
  const report = {
    ...at,
    files: master.files,
    rows: manifestTotal(manifest).rows,
    lost: offsetsGone(
      lost.filter(({ kind }) => kind !== 'control'),
      ALL,
    ),
    toArchive: inFlight(ends.raw, manifest.progress.highestOrigin, lost),
    toCount: inFlight(ends.raw, counted.highestOrigin, lost),
    boards: { agreeing: boards.agreeing, ahead: boards.ahead, partial: boards.partial },
  }
  const beyond = beyondEnds(manifest, ends).map((what) => ({ where: `${topic}-${partition}`, what }))
  return { report, sound: master.sound, problems: [...master.problems, ...boards.problems, ...beyond] }
}

const ALL = { from: 0, to: Number.MAX_SAFE_INTEGER }

const NOT_RECOUNTED = ({ topic, partition }: { topic: string; partition: number }) => ({
  agreeing: 0,
  ahead: 0,
  partial: 0,
  problems: [{ where: `${topic}-${partition}`, what: 'views not recounted: the master is not whole' }],
})

async function verifyMaster(
  { objects }: Verified,
  stream: Stream,
  manifest: Manifest,
  lost: readonly OffsetRange[],
  onRows: (entries: readonly Entry[]) => void,
  onFile: () => void,
): Promise<{ files: number; sound: boolean; problems: readonly VerifyProblem[] }> {
  const { topic, partition, progress } = manifest
  const problems: VerifyProblem[] = []
  const fields = Recount.fieldsOf(stream)
  const files: MasterFile[] = []
  let sound = true
  try {
    for await (const file of filesOf(objects, manifest)) {
      files.push(file)
      const checked = await checkFile(objects, manifest, file, fields, onRows)
      problems.push(...checked.problems.map((what) => ({ where: file.key, what })))
      sound &&= checked.whole
      onFile()
    }
  } catch (error) {
    if (!(error instanceof PortError) || error.code !== 'CORRUPT') throw error
    sound = false
    problems.push({ where: `manifest of ${topic}-${partition}`, what: error.message })
  }
  for (const what of coverageProblems(files, progress.highestOrigin + 1, lost)) {
    sound = false
    problems.push({ where: `manifest of ${topic}-${partition}`, what })
  }
  return { files: files.length, sound, problems }
}

interface Ends {
  readonly raw: number
  readonly enriched: number
}

async function logEnds(
  { log }: Verified,
  { topic, partition }: { readonly topic: string; readonly partition: number },
): Promise<Ends> {
  const end = async (name: string) =>
    partition < ((await log.describeTopic(name))?.partitions ?? 0)
      ? (await log.offsets(name, partition)).end
      : 0
  // Enriched first: whatever it holds came from raw before.
  const enriched = await end(enrichedTwin(topic))
  return { enriched, raw: await end(topic) }
}

function beyondEnds({ progress }: Manifest, { raw, enriched }: Ends): readonly string[] {
  const problems: string[] = []
  if (progress.highestOrigin >= raw)
    problems.push(`the master reaches offset ${progress.highestOrigin}, the raw log ends at ${raw}`)
  if (progress.nextOffset > enriched)
    problems.push(`archive has taken ${progress.nextOffset} entries, the enriched log ends at ${enriched}`)
  return problems
}

/** Records from above `highest` to the end of the log that are not lost. */
function inFlight(end: number, highest: number, lost: readonly LostRange[]): number {
  return Math.max(0, end - highest - 1 - offsetsGone(lost, { from: highest + 1, to: end }))
}
