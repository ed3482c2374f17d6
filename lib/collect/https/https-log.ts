import { randomUUID } from 'node:crypto'
import type { Clock } from '../../ports/clock.ts'
import { PortError } from '../../ports/errors.ts'
import type { Appended, EventLog, FencedTopic, StoredBatch, TopicInfo } from '../../ports/event-log.ts'
import type { KeyedStore } from '../../ports/keyed-store.ts'
import type { ObjectStore } from '../../ports/object-store.ts'
import { readLargeRecord } from '../../state/large-record.ts'
import { POINTER_HEADER, type RawPointer } from '../../stream/entry.ts'
import { type LogRecord, RecordBatch, RecordBatchBuilder } from '../../stream/record-batch.ts'
import { BODY_BYTES_MAX, RECORDS_MAX } from '../ingest/records-body.ts'
import { markHeader, readMark, type SourceMark } from '../mark.ts'
import type { Place } from '../place.ts'
import type { IngestClient } from './ingest-client.ts'

export interface HttpsLogOptions {
  readonly client: IngestClient
  /** Where the API is: the topic's identity. */
  readonly url: URL
  readonly keyed: KeyedStore
  readonly objects: ObjectStore
  readonly clock: Clock
}

/** What is known to have been taken of one run. */
interface Outbox {
  /** Part of every idempotency key: no two data folders have the same. */
  readonly id: string
  /** Requests taken. */
  readonly sent: number
  /** Records taken: the end of what the run sees as its log. */
  readonly end: number
  readonly mark: SourceMark | undefined
  /** The last places of its sources, the most recent last. */
  readonly places: readonly Place[]
}

const BATCH_BYTES_MAX = 1024 * 1024
/** Of places that came before so many others, a checkpoint has long known. */
const PLACES_MAX = 1000
const FRAME_BYTES = 4
/** Before a run goes on, for what an earlier process left: about half a minute. */
const ATTEMPTS_MAX = 10
const BACKOFF_MS = 100
const BACKOFF_MAX_MS = 5000

/**
 * The ingest API as a run sees a log: one topic of one partition, which holds what the run has put there. A batch is kept on disk
 * before it is sent, and stays until an answer says that it was taken. Whoever fences sends again, under the same idempotency key,
 * what was left there: so after a crash or a lost answer every batch is taken once.
 */
export class HttpsLog implements EventLog {
  readonly maxBatchBytes = BATCH_BYTES_MAX
  readonly #options: HttpsLogOptions
  #run = ''
  #outbox: Outbox = { id: randomUUID(), sent: 0, end: 0, mark: undefined, places: [] }
  #fences = 0

  constructor(options: HttpsLogOptions) {
    this.#options = options
  }

  async createTopic(topic: string): Promise<TopicInfo> {
    return { name: topic, id: this.#options.url.origin, partitions: 1 }
  }

  async describeTopic(topic: string): Promise<TopicInfo> {
    return this.createTopic(topic)
  }

  async addPartitions(): Promise<void> {}

  async append(): Promise<Appended> {
    throw new PortError('MISCONFIGURED', 'the ingest API is appended to by runs only', { curable: false })
  }

  async offsets(): Promise<{ start: number; end: number }> {
    return { start: 0, end: this.#outbox.end }
  }

  /** All from there in one batch, with what the last record's mark says. The records themselves are elsewhere. */
  async read(_topic: string, _partition: number, from: number): Promise<readonly StoredBatch[]> {
    const { end, mark, places } = this.#outbox
    if (from >= end || mark === undefined) return []
    const builder = new RecordBatchBuilder()
    for (let offset = from; offset < end - 1; offset++) builder.add(null, NOTHING)
    const also = mark.also && places.filter(({ source }) => source !== mark.source)
    builder.add(null, NOTHING, [markHeader({ ...mark, records: end - from, ...(also && { also }) })])
    return [{ baseOffset: from, appendTimeMs: this.#options.clock.nowMs(), records: builder.build() }]
  }

  /** `name` is that of a run: what an earlier process of it left to be sent is sent first. */
  async fence(name: string): Promise<FencedTopic> {
    const mine = ++this.#fences
    this.#run = name
    const kept = await this.#load()
    if (kept !== undefined) this.#outbox = kept
    // Before anything is sent under its id.
    else await this.#save()
    await this.#sendLeft()
    return {
      append: async (_partition, batch) => {
        if (mine !== this.#fences)
          throw new PortError('LOCKED', `${name} was fenced anew`, { curable: false })
        const { end, sent } = this.#outbox
        await this.#options.objects.put(this.#objectKey, packed(sent, batch))
        await this.#send(batch)
        return { baseOffset: end, appendTimeMs: this.#options.clock.nowMs() }
      },
    }
  }

  async close(): Promise<void> {}

  async #sendLeft(): Promise<void> {
    const object = await this.#options.objects.get(this.#objectKey)
    const left = object && unpacked(object.bytes)
    if (left?.sent !== this.#outbox.sent) return
    for (let attempt = 1; ; attempt++)
      try {
        return await this.#send(left.batch)
      } catch (error) {
        if (!(error instanceof PortError && error.curable) || attempt === ATTEMPTS_MAX) throw error
        await this.#options.clock.sleep(Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** attempt))
      }
  }

  async #send(batch: RecordBatch): Promise<void> {
    const { id, sent, end, places } = this.#outbox
    const bodies = await this.#bodiesOf(batch)
    for (const [i, records] of bodies.entries())
      await this.#options.client.post(`${id}.${sent}.${i}`, records)
    const mark = markOf(batch)
    this.#outbox = {
      id,
      sent: sent + 1,
      end: end + batch.count,
      mark,
      places: latest(places, [...(mark.also ?? []), placeOf(mark)]),
    }
    await this.#save()
  }

  /** As many requests as the records need, cut the same way each time. */
  async #bodiesOf(batch: RecordBatch): Promise<readonly (readonly Uint8Array[])[]> {
    const bodies: Uint8Array[][] = [[]]
    let sizeBytes = 0
    for (const record of batch) {
      const bytes = await this.#bytesOf(record)
      sizeBytes += bytes.length + FRAME_BYTES
      const body = bodies.at(-1) ?? []
      if (body.length > 0 && (sizeBytes > BODY_BYTES_MAX || body.length >= RECORDS_MAX)) {
        bodies.push([bytes])
        sizeBytes = bytes.length + FRAME_BYTES
      } else body.push(bytes)
    }
    return bodies
  }

  async #bytesOf({ value, headers }: LogRecord): Promise<Uint8Array> {
    if (!headers.some(({ name }) => name === POINTER_HEADER)) return value
    const pointer = JSON.parse(Buffer.from(value).toString()) as RawPointer
    if (pointer.sizeBytes + FRAME_BYTES > BODY_BYTES_MAX)
      throw new PortError(
        'BATCH_TOO_LARGE',
        `a record of ${pointer.sizeBytes} bytes is more than the ingest API takes (${BODY_BYTES_MAX - FRAME_BYTES}); collect it to Kafka`,
        { curable: false },
      )
    const pieces: Uint8Array[] = []
    for await (const piece of readLargeRecord(this.#options.objects, pointer)) pieces.push(piece)
    return Buffer.concat(pieces)
  }

  async #load(): Promise<Outbox | undefined> {
    const item = await this.#options.keyed.get('outbox', this.#run)
    return item && (JSON.parse(Buffer.from(item.data).toString()) as Outbox)
  }

  async #save(): Promise<void> {
    const data = Buffer.from(JSON.stringify(this.#outbox))
    await this.#options.keyed.put({ pk: 'outbox', sk: this.#run, rev: '', data }, 'any')
  }

  get #objectKey(): string {
    return `outbox/${this.#run}`
  }
}

const NOTHING = new Uint8Array(0)

/** Its number, how many records, and the batch. */
function packed(sent: number, { count, bytes }: RecordBatch): Buffer {
  const head = Buffer.alloc(12)
  head.writeUIntBE(sent, 0, 6)
  head.writeUInt32BE(count, 6)
  return Buffer.concat([head, bytes])
}

function unpacked(bytes: Uint8Array): { readonly sent: number; readonly batch: RecordBatch } {
  const buffer = Buffer.from(bytes)
  return {
    sent: buffer.readUIntBE(0, 6),
    batch: new RecordBatch(buffer.subarray(12), buffer.readUInt32BE(6)),
  }
}

function markOf(batch: RecordBatch): SourceMark {
  const [last] = batch.slice(batch.count - 1)
  const mark = last && readMark(last.headers)
  if (mark === undefined) throw new RangeError('a batch of a run has a mark on its last record')
  return mark
}

function placeOf({ source, position, nth }: SourceMark): Place {
  return nth === undefined ? { source, position } : { source, position, nth }
}

function latest(places: readonly Place[], added: readonly Place[]): readonly Place[] {
  const news = new Set(added.map(({ source }) => source))
  return [...places.filter(({ source }) => !news.has(source)), ...added].slice(-PLACES_MAX)
}
