import { PortError } from '../ports/errors.ts'
import { beginInvocation, type Ports } from '../ports/ports.ts'
import { checkedTopic } from '../state/topics.ts'
import type { Stream } from '../stream/define.ts'
import type { Scorer } from '../stream/detector.ts'
import type { ReadHistory } from '../stream/history.ts'
import { RecordBatchBuilder } from '../stream/record-batch.ts'
import type { LoadedTables } from '../stream/table.ts'
import { enrichedTwin } from '../stream/topic.ts'
import { type Attempt, beginAttempt, endAttempt } from './crash-guard.ts'
import { decide, scoreAll, setAside } from './decide.ts'
import { EntryWriter } from './entry-text.ts'
import { HistoryLookups } from './history.ts'
import {
  type InvocationContext,
  type KafkaAnswer,
  type KafkaHandler,
  type PartitionBatch,
  partitionsOf,
} from './kafka-event.ts'
import { reportFailure } from './report-failure.ts'
import { tooLarge, withLargeRawStored } from './spill.ts'

/** Nothing is sent with less than this left: an append must have failed or landed well before the function is killed. */
const LEFT_MIN_MS = 7_000
/** A share of the log's largest batch, so that no batch is refused for a few bytes of framing. */
const BATCH_FILL = 0.9

/** For how long a topic is taken to be the one it was: its being made again must not go unnoticed. */
const KNOWN_FOR_MS = 30_000

/** What a batch is enriched and scored with: the same for all of it. */
interface Known {
  readonly scorer: Scorer | undefined
  readonly tables: LoadedTables | undefined
  /** Of a stream that looks things up in views. */
  readonly history: HistoryLookups | undefined
}

/** How one partition of an event went. `from`: deliver again from this offset on; undefined: all is done. */
interface PartitionResult {
  readonly done: number
  readonly dead: number
  readonly alerts: number
  readonly from: number | undefined
}

/**
 * The handler of `score`: decides the fate of every raw record and appends exactly one entry for each, in order, to the
 * same partition of the enriched topic, one append at a time; after the first failure on a partition it sends nothing
 * more there (docs/exactness.md, rule 2).
 */
export function scoreHandler(
  stream: Stream,
  ports: Ports,
  activeScorer: () => Promise<Scorer | undefined>,
  activeTables: () => Promise<LoadedTables | undefined> = async () => undefined,
  readHistory?: ReadHistory,
): KafkaHandler {
  if (readHistory === undefined && Object.keys(stream.history).length > 0)
    throw new Error(`stream ${stream.name} looks things up in views, and score was given no way to read them`)
  const twins = new TwinCheck(ports)
  const history = readHistory && new HistoryLookups(readHistory, ports.clock)
  return async (event, context) => {
    beginInvocation(ports, context)
    const startedMs = ports.clock.nowMs()
    const known: Known = { scorer: await activeScorer(), tables: await activeTables(), history }
    const failures: KafkaAnswer['batchItemFailures'][number][] = []
    const totals = { records: 0, deadLettered: 0, alerts: 0, failedPartitions: 0 }
    // One after the other: scoring is CPU work, and the appends of different partitions gain little from overlapping.
    for (const batch of partitionsOf(event)) {
      const result = await scorePartition(stream, ports, known, twins, batch, context)
      totals.records += result.done
      totals.deadLettered += result.dead
      totals.alerts += result.alerts
      if (result.from === undefined) continue
      totals.failedPartitions++
      failures.push({ itemIdentifier: { partition: batch.name, offset: result.from } })
    }
    const durationMs = ports.clock.nowMs() - startedMs
    const lookups = history && { historyMs: history.takeSpentMs() }
    const figures = { ...totals, ...lookups, durationMs }
    ports.metrics.record({ stage: 'score', stream: stream.name, figures })
    return { batchItemFailures: failures }
  }
}

async function scorePartition(
  stream: Stream,
  ports: Ports,
  known: Known,
  twins: TwinCheck,
  batch: PartitionBatch,
  context: InvocationContext,
): Promise<PartitionResult> {
  const head = batch.records[0]?.offset ?? 0
  const progress = { done: 0, dead: 0, alerts: 0, from: head as number | undefined }
  try {
    await twins.check(batch)
    const size = { head, records: batch.records.length }
    const attempt = await beginAttempt(ports.keyed, batch.topic, batch.partition, size)
    await appendEntries(stream, ports, known, batch, attempt, context, progress)
  } catch (error) {
    reportFailure('score', batch.name, batch.records.length, error)
  }
  await endAttempt(ports.keyed, batch.topic, batch.partition).catch((error: unknown) => {
    // The note stays and counts as a death; it takes several, with the first record alone, to set a record aside.
    reportFailure('score', batch.name, 0, error)
  })
  return progress
}

/** Decides and appends; keeps `progress` true after every append, so that a failure is answered from the right offset. */
async function appendEntries(
  stream: Stream,
  ports: Ports,
  { scorer, tables, history }: Known,
  batch: PartitionBatch,
  attempt: Attempt,
  context: InvocationContext,
  progress: { done: number; dead: number; alerts: number; from: number | undefined },
): Promise<void> {
  const records = batch.records.slice(0, Math.min(attempt.take, history?.recordsMax ?? attempt.take))
  const enriched = () => history?.decide(stream, records, tables, context) ?? decide(stream, records, tables)
  const decided = attempt.setAside ? records.map(setAside) : await enriched()
  const { decisions, scores } = scoreAll(scorer, decided, records)
  const writer = new EntryWriter({ site: ports.site, topic: batch.topic, partition: batch.partition })
  const builder = new RecordBatchBuilder()
  const bytesMax = Math.floor(ports.log.maxBatchBytes * BATCH_FILL)
  const twin = enrichedTwin(batch.topic)
  const flush = async () => {
    if (builder.count === 0) return
    if (context.getRemainingTimeInMillis() < LEFT_MIN_MS)
      throw new PortError('TIMEOUT', 'too little time left to append safely', { curable: true })
    const { count } = builder
    await ports.log.append(twin, batch.partition, builder.build())
    progress.done += count
    progress.from = batch.records[progress.done]?.offset
  }
  for (const [i, record] of records.entries()) {
    const score = scores[i] ?? Number.NaN
    let decision = decisions[i] ?? setAside(record)
    if (decision.outcome === 'dead') decision = await withLargeRawStored(ports, stream.name, record, decision)
    let text = writer.write(record, decision, score, scorer)
    if (text.length * 3 > bytesMax && Buffer.byteLength(text) > bytesMax) {
      decision = await tooLarge(ports, stream.name, record)
      text = writer.write(record, decision, Number.NaN, undefined)
    }
    if (builder.count > 0 && builder.sizeBytes + text.length * 3 > bytesMax) {
      if (builder.sizeBytes + Buffer.byteLength(text) > bytesMax) await flush()
    }
    builder.addText(null, text)
    if (decision.outcome === 'dead') progress.dead++
    if (scorer !== undefined && score >= scorer.threshold) progress.alerts++
  }
  await flush()
}

/** Refuses a partition that has no twin in the enriched topic: a client would silently wrap around to another. */
class TwinCheck {
  readonly #ports: Ports
  readonly #known = new Map<string, { readonly partitions: number; readonly untilMs: number }>()

  constructor(ports: Ports) {
    this.#ports = ports
  }

  async check({ topic, partition }: PartitionBatch): Promise<void> {
    const nowMs = this.#ports.clock.nowMs()
    const known = this.#known.get(topic)
    if (known !== undefined && partition < known.partitions && nowMs < known.untilMs) return
    await checkedTopic(this.#ports, topic)
    const twin = await checkedTopic(this.#ports, enrichedTwin(topic))
    this.#known.set(topic, { partitions: twin.partitions, untilMs: nowMs + KNOWN_FOR_MS })
    if (partition < twin.partitions) return
    const message = `${topic} has a partition ${partition}, ${twin.name} only ${twin.partitions}: grow enriched first`
    throw new PortError('NO_SUCH_PARTITION', message, { curable: true })
  }
}
