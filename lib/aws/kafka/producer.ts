import { PortError } from '../../ports/errors.ts'
import type { Appended } from '../../ports/event-log.ts'
import type { RecordBatch } from '../../stream/record-batch.ts'
import { KAFKA_BATCH_BYTES_MAX } from '../limits.ts'
import type { Cluster, Lane } from './cluster.ts'
import type { Compression } from './compression.ts'
import { notLogAppendTime } from './decode-batch.ts'
import { encodeBatch, type ProducerMark } from './encode-batch.ts'
import { expectOk } from './errors.ts'
import type { FenceMark } from './fence.ts'
import { produce } from './requests.ts'

/** Everything is over so long before the deadline: time for the caller to throw and for Lambda to hear it. */
const SPARE_MS = 2000
/** A request that would get less time than this is not begun. */
const LEAST_MS = 250

let producers = 0

/**
 * One attempt's way into the log (docs/exactness.md, rule 2). At every moment:
 * - a partition has at most one produce request under way, holding one record batch;
 * - a request is sent once: no failure is ever answered by sending again;
 * - after the first failure nothing more is sent, also not what already waits for its turn in any partition.
 * So what has landed of one attempt in a partition is closed downwards. A failed producer is not used again: the next
 * attempt has the next producer, on connections of its own.
 */
export class Producer {
  readonly #cluster: Cluster
  readonly #compression: Compression
  readonly #fence: FenceMark | undefined
  readonly #lane: Lane = `append ${++producers}`
  readonly #tails = new Map<string, Promise<void>>()
  #underWay = 0
  #failure: unknown

  constructor(cluster: Cluster, compression: Compression, fence?: FenceMark) {
    this.#cluster = cluster
    this.#compression = compression
    this.#fence = fence
  }

  get failed(): boolean {
    return this.#failure !== undefined
  }

  append(topic: string, partition: number, batch: RecordBatch): Promise<Appended> {
    const key = `${topic}/${partition}`
    // Encoded while the request before is still under way. A refusal to encode shows when its turn comes.
    const mark = this.#fence?.next(key, batch.count)
    const encoding = this.#encode(key, batch, mark)
    encoding.catch(() => {})
    this.#underWay++
    const turn = this.#tails.get(key) ?? Promise.resolve()
    const sent = turn.then(async () => this.#sendOnce(topic, partition, await encoding))
    const settled = sent.then(
      () => this.#settle(),
      (error) => this.#settle(error),
    )
    this.#tails.set(key, settled)
    settled.then(() => this.#tails.get(key) === settled && this.#tails.delete(key))
    return sent
  }

  async #encode(key: string, batch: RecordBatch, mark: ProducerMark | undefined): Promise<Buffer> {
    const sizeBytes = batch.bytes.length
    if (sizeBytes <= KAFKA_BATCH_BYTES_MAX) return encodeBatch(batch, this.#compression, Date.now(), mark)
    const message = `append to ${key}: ${sizeBytes} bytes, at most ${KAFKA_BATCH_BYTES_MAX} go in one batch`
    throw new PortError('BATCH_TOO_LARGE', message, { curable: false })
  }

  async #sendOnce(topic: string, partition: number, batch: Buffer): Promise<Appended> {
    const what = `append to ${topic}/${partition}`
    this.#refuseAfterFailure(what)
    const connection = await this.#cluster.leader(topic, partition, this.#lane)
    this.#refuseAfterFailure(what)
    const { deadline, settings } = this.#cluster
    const timeoutMs = deadline.cut(settings.requestTimeoutMs, SPARE_MS, LEAST_MS)
    // The broker gives up first, so that its answer, not silence, says what happened.
    const question = { topic, partition, timeoutMs: Math.ceil(timeoutMs * 0.8), batchBytes: batch.length }
    const answer = await connection.send(produce, question, timeoutMs, batch)
    expectOk(answer.error, what, answer.message)
    if (answer.appendTimeMs < 0) throw notLogAppendTime(topic)
    return { baseOffset: answer.baseOffset, appendTimeMs: answer.appendTimeMs }
  }

  #refuseAfterFailure(what: string): void {
    if (this.#failure === undefined) return
    const message = `${what}: not sent, because an append before it failed`
    throw new PortError('CLOSED', message, { curable: true, cause: this.#failure })
  }

  /** The connections end once the other partitions have their answers: cutting them off would only add doubt. */
  #settle(error?: unknown): void {
    this.#underWay--
    this.#failure ??= error
    if (this.#failure !== undefined && this.#underWay === 0) this.#cluster.drop(this.#lane)
  }
}
