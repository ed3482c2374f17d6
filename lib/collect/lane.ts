import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type { EventLog, FencedTopic } from '../ports/event-log.ts'
import { type Header, type RecordBatch, RecordBatchBuilder } from '../stream/record-batch.ts'
import { type Landed, readTail, withBatch, withoutPast } from './landed.ts'
import { markHeader, type SourceMark } from './mark.ts'
import { earliest, notAfter, type Place } from './place.ts'
import type { RunFence } from './run-fence.ts'

export interface LaneOptions {
  readonly fence: RunFence
  readonly log: EventLog
  readonly clock: Clock
  /** In [0, 1), for the jitter of retries. */
  readonly random: () => number
  readonly topic: string
  readonly partition: number
  readonly run: string
  readonly landed: Landed
  /** The run reads its sources side by side: a batch's mark says of each of them how far it has landed. */
  readonly sideBySide?: boolean
  /** How often an append is tried before it is given up, default 20 times in about three quarters of a minute. */
  readonly attemptsMax?: number
}

/** A batch is sent before it grows beyond this, unless one record alone is larger. */
const BATCH_BYTES = 512 * 1024
const BATCH_RECORDS = 10_000
/** Room for what a record needs besides key and value, the mark among it. */
const OVERHEAD_BYTES = 1024
/** So many places fit into a mark. */
const BATCH_SOURCES = 12
/** With the pauses between them about three quarters of a minute: a broker that is started again is back by then. */
const ATTEMPTS_MAX = 20
const BACKOFF_MS = 100
const BACKOFF_MAX_MS = 5000

interface Held {
  readonly key: Uint8Array | null
  readonly value: Uint8Array
  readonly headers: readonly Header[]
  readonly place: Place
}

/** The records of one source in a batch. */
interface Span {
  readonly first: Place
  last: Place
}

type Spans = ReadonlyMap<number, Span>

const NOTHING: Spans = new Map()

/**
 * One partition's way into the log. At every moment at most one append is outstanding and one batch is being packed, so
 * that memory is bounded and what has landed is always closed downwards (docs/exactness.md, rules 2 and 12).
 *
 * When an append fails, the batch may have landed all the same, or land later. Nothing more is sent; after a pause the
 * fence is raised anew, so that from then on it has landed or never will, the end of the partition is read, and only if
 * the batch's mark is not there is the same batch sent again.
 */
export class Lane {
  readonly #options: LaneOptions
  readonly #batchBytes: number
  readonly #builder = new RecordBatchBuilder()
  /** The last record added waits here: only when its batch is sent is it known to be the one with the mark. */
  #held: Held | undefined
  #packed = new Map<number, Span>()
  /** Of the source of the last record added. */
  #span: Span | undefined
  #sent: Spans = NOTHING
  #inFlight: Promise<void> | undefined
  #failure: unknown
  #landed: Landed

  constructor(options: LaneOptions) {
    this.#options = options
    this.#landed = options.landed
    this.#batchBytes = Math.min(BATCH_BYTES, options.log.maxBatchBytes - OVERHEAD_BYTES)
  }

  /** The largest key and value together that the log takes in a batch of their own. */
  static recordBytesMax(log: Pick<EventLog, 'maxBatchBytes'>): number {
    return log.maxBatchBytes - OVERHEAD_BYTES
  }

  get landed(): Landed {
    return this.#landed
  }

  /** Place of the first record that was added and is not known to have landed. */
  get firstPending(): Place | undefined {
    const spans = this.#sent.size > 0 ? this.#sent : this.#packed
    return spans.size === 0 ? undefined : earliest([...spans.values()].map(({ first }) => first))
  }

  /** The same of one source. */
  firstPendingOf(source: number): Place | undefined {
    return (this.#sent.get(source) ?? this.#packed.get(source))?.first
  }

  /** Forgets where sources stand whose floor is there or above. */
  forget(isBelowFloor: (place: Place) => boolean): void {
    this.#landed = withoutPast(this.#landed, isBelowFloor)
  }

  /** True where a record of `bytes` must wait until `send` has resolved. */
  isFullFor(bytes: number, source: number): boolean {
    if (this.#held === undefined) return false
    if (this.#packed.size >= BATCH_SOURCES && !this.#packed.has(source)) return true
    const packed = this.#builder.sizeBytes + this.#held.value.length + (this.#held.key?.length ?? 0)
    return packed + bytes + OVERHEAD_BYTES > this.#batchBytes || this.#builder.count + 1 >= BATCH_RECORDS
  }

  /** The bytes are copied later: they must stay as they are until the next `add` or `send`. */
  add(key: Uint8Array | null, value: Uint8Array, headers: readonly Header[], place: Place): void {
    if (this.#held !== undefined) this.#builder.add(this.#held.key, this.#held.value, this.#held.headers)
    this.#held = { key, value, headers, place }
    if (this.#span?.last.source !== place.source) this.#span = this.#packed.get(place.source)
    if (this.#span !== undefined) this.#span.last = place
    else {
      this.#span = { first: place, last: place }
      this.#packed.set(place.source, this.#span)
    }
  }

  /** Sends what is packed as soon as the append before it has landed; resolves once it is on its way. */
  async send(): Promise<void> {
    await this.#settled()
    const last = this.#held
    if (last === undefined) return
    const mark = this.#markOf(last.place)
    this.#builder.add(last.key, last.value, [...last.headers, markHeader(mark)])
    this.#held = undefined
    this.#sent = this.#packed
    this.#packed = new Map()
    this.#span = undefined
    this.#inFlight = this.#append(this.#builder.build(), mark).then(
      () => {
        this.#sent = NOTHING
      },
      (error: unknown) => {
        this.#failure = error
      },
    )
  }

  /** True where an append is outstanding: sending now would wait. */
  get busy(): boolean {
    return this.#sent.size > 0
  }

  /** Sends what is packed and resolves once everything has landed. */
  async drain(): Promise<void> {
    await this.send()
    await this.#settled()
  }

  /** Resolves once nothing is outstanding, whether it landed or not, and sends nothing. */
  async rest(): Promise<void> {
    await this.#inFlight
  }

  #markOf(last: Place): SourceMark {
    const { run, sideBySide } = this.#options
    const mark = { run, ...last, records: this.#builder.count + 1 }
    if (sideBySide !== true) return mark
    const others = [...this.#packed.values()].filter((span) => span.last.source !== last.source)
    return { ...mark, also: others.map((span) => span.last) }
  }

  async #settled(): Promise<void> {
    await this.#inFlight
    if (this.#failure !== undefined) throw this.#failure
  }

  async #append(batch: RecordBatch, mark: SourceMark): Promise<void> {
    const { fence, partition, attemptsMax = ATTEMPTS_MAX } = this.#options
    let through: FencedTopic | undefined
    for (let attempt = 1; ; attempt++) {
      try {
        through = through === undefined ? await fence.current() : await fence.after(through)
        if (attempt > 1 && (await this.#landedAfterAll(mark))) return
        const { baseOffset } = await through.append(partition, batch)
        this.#landed = withBatch(this.#landed, mark, baseOffset + batch.count - 1)
        return
      } catch (error) {
        const curable = (error instanceof PortError && error.curable) || fence.isOwnDoing(error, through)
        if (!curable || attempt >= attemptsMax) throw error
        await this.#backOff(attempt)
      }
    }
  }

  /** Reads the end of the partition. True where the batch with `mark` lies there. */
  async #landedAfterAll(mark: SourceMark): Promise<boolean> {
    const { log, topic, partition, run } = this.#options
    this.#landed = await readTail(log, topic, partition, run, this.#landed)
    const last = this.#landed.mark
    return last !== undefined && last.source === mark.source && notAfter(mark, last) && notAfter(last, mark)
  }

  /** Exponential with full jitter. */
  async #backOff(attempt: number): Promise<void> {
    const { clock, random } = this.#options
    await clock.sleep(random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** attempt))
  }
}
