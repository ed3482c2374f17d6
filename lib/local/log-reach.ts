import { readManifest } from '../master/manifest-store.ts'
import { PortError } from '../ports/errors.ts'
import type { Ports } from '../ports/ports.ts'
import { entryOrigin } from '../speed/first-seen.ts'
import { newestMarks } from '../state/board-marks.ts'
import { lostRanges } from '../state/lost.ts'
import { readProgress } from '../state/progress.ts'
import type { Stream } from '../stream/define.ts'
import { topicName } from '../stream/topic.ts'
import { compileView } from '../views/view.ts'
import { deliveredUpTo, deliverFrom } from './mapping.ts'

/** Something stored that knows of all offsets of a partition below `end`. */
interface Knowing {
  readonly who: string
  readonly topic: string
  readonly partition: number
  readonly end: number
}

/** A stretch of a raw partition that score is given again. */
export interface ScoredAgain {
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
}

type Used = Pick<Ports, 'log' | 'keyed' | 'objects'>

const READ_BYTES = 4 * 1024 * 1024
/** Of each view. A board is at most one batch ahead of its stage's progress, and that batch is on the newest boards. */
const BOARDS_LOOKED_AT = 200

/**
 * Checks that nothing stored is ahead of the log. The log may lose its newest records in a power cut, or be put back from
 * an older copy; it would then give their offsets to other records, which every stage would take for the old ones and
 * pass over. Rejects with CORRUPT, saying what is ahead of what.
 *
 * Where only enriched has lost entries that nobody had taken in, score is sent back to make them again: resolves with
 * these stretches.
 */
export async function checkLogReaches(
  ports: Used,
  stream: Stream,
  partitions: number,
): Promise<readonly ScoredAgain[]> {
  const again: ScoredAgain[] = []
  const raw = topicName(stream.name, 'raw')
  const onBoards = await boardMarks(ports, stream, raw)
  for (let partition = 0; partition < partitions; partition++) {
    const known = await knownOf(ports, stream, partition)
    known.push(...onBoards.filter((one) => one.partition === partition))
    const landed = await landedOrigins(ports, topicName(stream.name, 'enriched'), known, partition)
    known.push({ who: 'the enriched topic', topic: raw, partition, end: landed })
    // Asked last: what comes in meanwhile moves an end on, never back.
    for (const one of known) await checkReaches(ports, one)
    const back = await sendScoreBack(ports, raw, partition, landed)
    if (back !== undefined) again.push(back)
  }
  return again
}

async function checkReaches({ log }: Used, { who, topic, partition, end }: Knowing): Promise<void> {
  const { end: logEnd } = await log.offsets(topic, partition)
  if (end <= logEnd) return
  const what = `${topic}/${partition} ends at offset ${logEnd}, but ${who} knows of all offsets below ${end}`
  throw new PortError(
    'CORRUPT',
    `${what}: the log has lost its newest records, in a power cut or because an older copy of it was put back, and ` +
      'would give their offsets to new ones. Restore log, state and objects from copies of one moment, or take another ' +
      'data folder (--data) and replay the sources into it. Nothing was changed.',
    { curable: false },
  )
}

async function boardMarks({ keyed }: Used, stream: Stream, raw: string): Promise<Knowing[]> {
  const known: Knowing[] = []
  for (const [name, definition] of Object.entries(stream.views)) {
    const view = compileView(stream.name, name, definition)
    for await (const { topic, partition, mark } of newestMarks(keyed, view, BOARDS_LOOKED_AT))
      if (topic === raw) known.push({ who: `the view ${view.id}`, topic, partition, end: mark + 1 })
  }
  return known
}

/** What the stages' offsets, their progress and the master know of a partition. */
async function knownOf({ keyed, objects }: Used, stream: Stream, partition: number): Promise<Knowing[]> {
  const raw = topicName(stream.name, 'raw')
  const enriched = topicName(stream.name, 'enriched')
  const known: Knowing[] = []
  const note = (who: string, topic: string, end: number) => known.push({ who, topic, partition, end })
  note('the mapping of score', raw, (await deliveredUpTo(keyed, 'score', raw, partition)) ?? 0)
  for (const stage of ['archive', 'count', 'notify'] as const) {
    const delivered = await deliveredUpTo(keyed, stage, enriched, partition)
    note(`the mapping of ${stage}`, enriched, delivered ?? 0)
    const { nextOffset, highestOrigin } =
      stage === 'archive'
        ? (await readManifest(objects, stream.name, raw, partition)).manifest.progress
        : await readProgress(keyed, stage, enriched, partition)
    note(stage, enriched, nextOffset)
    note(stage, raw, highestOrigin + 1)
  }
  return known
}

/** The origin after the highest that has landed in enriched, or had: what the stages have taken in, and what lies behind. */
async function landedOrigins(
  { log }: Used,
  enriched: string,
  known: readonly Knowing[],
  partition: number,
): Promise<number> {
  const stages = known.filter(({ who }) => who === 'archive' || who === 'count' || who === 'notify')
  const highest = (list: readonly Knowing[]) => Math.max(0, ...list.map(({ end }) => end))
  let origins = highest(stages.filter(({ topic }) => topic !== enriched))
  const { start, end } = await log.offsets(enriched, partition)
  let at = Math.max(start, highest(stages.filter(({ topic }) => topic === enriched)))
  while (at < end) {
    const batches = await log.read(enriched, partition, at, READ_BYTES)
    if (batches.length === 0) break
    for (const { baseOffset, records } of batches) {
      for (const { value } of records) origins = Math.max(origins, originOf(value) + 1)
      at = Math.max(at, baseOffset + records.count)
    }
  }
  return origins
}

const HEAD_BYTES = 1024

function originOf(value: Uint8Array): number {
  return entryOrigin(
    Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8', 0, HEAD_BYTES),
  )
}

/** Score has answered for more than has landed: the entries of the rest are gone, and no stage has seen them. */
async function sendScoreBack(
  { log, keyed }: Used,
  raw: string,
  partition: number,
  landed: number,
): Promise<ScoredAgain | undefined> {
  const to = (await deliveredUpTo(keyed, 'score', raw, partition)) ?? 0
  if (to <= landed) return undefined
  let from = landed
  for (const lost of await lostRanges(keyed, raw, partition))
    if (lost.from <= from && from < lost.to) from = lost.to
  const { start } = await log.offsets(raw, partition)
  if (to <= from || from < start) return undefined
  await deliverFrom(keyed, 'score', raw, partition, from)
  return { topic: raw, partition, from, to }
}
