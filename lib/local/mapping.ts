import type { Clock } from '../ports/clock.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import type { EncodedBatches } from './encoded-batches.ts'
import {
  EVENT_BYTES_MAX,
  kafkaEvent,
  type PartitionPieces,
  type Room,
  takePieces,
} from './kafka-event-text.ts'
import { failedFrom } from './settle.ts'
import { messageOf } from './trouble.ts'

/** The stages that a Kafka mapping feeds. */
export type MappedStage = 'score' | 'archive' | 'count' | 'notify'

/** An environment of a function: runs it on one event at a time, given as pieces of JSON. A WorkerProcess, in the main. */
export interface Environment {
  invoke(event: readonly Buffer[]): Promise<unknown>
}

export interface MappingOptions {
  /** Names its offsets: one consumer group a function. */
  readonly name: string
  readonly topic: string
  /** From the start; `grow` adds more. */
  readonly partitions: number
  /** Environments of the function: at most one invocation each, and at most one a partition. */
  readonly workers: readonly Environment[]
  readonly batchRecordsMax: number
  /** How long records wait for more of them. */
  readonly windowMs: number
  readonly log: Pick<EventLog, 'offsets'>
  /** The log's batches as event text, shared with the other mappings of the process. */
  readonly batches: EncodedBatches
  readonly keyed: KeyedStore
  readonly clock: Clock
  /** Told about every delivery, for figures. */
  readonly onDelivery?: (delivery: Delivery) => void
}

export interface Delivery {
  readonly mapping: string
  readonly records: number
  readonly failed: boolean
  readonly error?: string
  readonly durationMs: number
}

interface PartitionState {
  readonly partition: number
  next: number
  end: number
  busy: boolean
  /** Most records to deliver at once: halved after each failure, whole again after a success. */
  limit: number
  failures: number
  notBeforeMs: number
  waitingSinceMs: number | undefined
}

const BACKOFF_FIRST_MS = 50
const BACKOFF_MAX_MS = 5_000

/**
 * A Kafka event source mapping on one machine, with the promises of the deployed one (provisioned mode, no retry limit):
 * every record is delivered at least once and in order, at most one invocation holds a partition, a failed batch comes
 * again (in halves) for ever, and an offset moves only after the function has answered for it. It never skips.
 */
export class Mapping {
  readonly name: string
  readonly #options: MappingOptions
  readonly #partitions: PartitionState[] = []
  readonly #abort = new AbortController()
  readonly #waiting = new Set<AbortController>()
  #flushing = false
  #loops: Promise<void>[] = []

  private constructor(options: MappingOptions) {
    this.name = options.name
    this.#options = options
  }

  static async open(options: MappingOptions): Promise<Mapping> {
    const mapping = new Mapping(options)
    await mapping.grow(options.partitions)
    return mapping
  }

  /** Takes the partitions below `partitions` in that it does not serve yet, from their first record. */
  async grow(partitions: number): Promise<void> {
    for (let next = this.#partitions.length; next < partitions; next = this.#partitions.length) {
      const state = await openPartition(this.#options, next)
      if (this.#partitions.length !== next) continue
      this.#partitions.push(state)
      // What came between the look at its end and this moment was told to nobody.
      const { log, topic } = this.#options
      this.noteEnd(next, (await log.offsets(topic, next)).end)
    }
    this.#wake()
  }

  /** How many it serves: those from 0 on. */
  get partitions(): number {
    return this.#partitions.length
  }

  start(): void {
    this.#loops = this.#options.workers.map((worker) => this.#serve(worker))
  }

  /** Ends the loops. Deliveries under way are left to end, and told to nobody; stopping their workers cuts them short. */
  async stop(): Promise<void> {
    this.#abort.abort()
    this.#wake()
    await Promise.all(this.#loops)
  }

  /** The log has grown. */
  noteEnd(partition: number, end: number): void {
    const state = this.#partitions[partition]
    if (state === undefined || end <= state.end) return
    state.end = end
    this.#wake()
  }

  /** While true, windows are not waited out: what is there is delivered at once. */
  set flushing(flushing: boolean) {
    this.#flushing = flushing
    this.#wake()
  }

  /** Records appended and not yet answered for. */
  get lag(): number {
    return this.#partitions.reduce((sum, { next, end }) => sum + end - next, 0)
  }

  /** Records answered for, of every partition together. */
  get consumed(): number {
    return this.#partitions.reduce((sum, { next }) => sum + next, 0)
  }

  /** The offset each partition has been answered for up to. */
  get positions(): readonly number[] {
    return this.#partitions.map(({ next }) => next)
  }

  async #serve(worker: Environment): Promise<void> {
    while (!this.#abort.signal.aborted) {
      const taken = this.#take()
      if (taken.length === 0) {
        await this.#somethingToDo()
        continue
      }
      try {
        await this.#deliver(worker, taken)
      } catch (error) {
        // Reading the log or storing an offset failed: nobody's batch is to blame, so it comes again as large as it was.
        for (const state of taken) this.#backOff(state, false)
        this.#tell({ records: 0, failed: true, durationMs: 0, error: messageOf(error) })
      } finally {
        for (const state of taken) state.busy = false
        this.#wake()
      }
    }
  }

  /** A fair share of the partitions that are free and due; empty while they gather more. */
  #take(): PartitionState[] {
    const { workers, windowMs, batchRecordsMax, clock } = this.#options
    const nowMs = clock.nowMs()
    const free = this.#partitions.filter(
      (state) => !state.busy && state.next < state.end && state.notBeforeMs <= nowMs,
    )
    for (const state of free) state.waitingSinceMs ??= nowMs
    const pending = free.reduce((sum, { next, end }) => sum + end - next, 0)
    const oldestMs = Math.min(...free.map(({ waitingSinceMs }) => waitingSinceMs ?? nowMs))
    if (pending < batchRecordsMax && nowMs - oldestMs < windowMs && !this.#flushing) return []
    const share = Math.ceil(this.#partitions.length / workers.length)
    free.sort((a, b) => b.end - b.next - (a.end - a.next))
    const taken = free.slice(0, share)
    for (const state of taken) {
      state.busy = true
      state.waitingSinceMs = undefined
    }
    return taken
  }

  async #somethingToDo(): Promise<void> {
    const { clock, windowMs } = this.#options
    const nowMs = clock.nowMs()
    const waits = this.#partitions
      .filter((state) => !state.busy && state.next < state.end)
      .map(
        ({ notBeforeMs, waitingSinceMs }) =>
          Math.max(notBeforeMs, (waitingSinceMs ?? nowMs) + windowMs) - nowMs,
      )
    const waitMs = Math.max(1, Math.min(1000, ...waits))
    const woken = new AbortController()
    this.#waiting.add(woken)
    await clock.sleep(waitMs, woken.signal).catch(() => undefined)
    this.#waiting.delete(woken)
  }

  #wake(): void {
    for (const waiter of this.#waiting) waiter.abort()
  }

  async #deliver(worker: Environment, taken: readonly PartitionState[]): Promise<void> {
    const lists = await this.#gather(taken)
    const records = [...lists.values()].reduce((sum, list) => sum + list.records, 0)
    if (records === 0) return
    const { clock } = this.#options
    const startedMs = clock.nowMs()
    const told = () => ({ records, durationMs: clock.nowMs() - startedMs })
    let failed: ReadonlyMap<string, number>
    try {
      failed = failedFrom(await worker.invoke(kafkaEvent(lists)), lists)
    } catch (thrown) {
      this.#halve(taken)
      this.#tell({ ...told(), failed: true, error: messageOf(thrown) })
      return
    }
    await this.#settle(taken, lists, failed)
    this.#tell({ ...told(), failed: failed.size > 0 })
  }

  #tell(delivery: Omit<Delivery, 'mapping'>): void {
    if (!this.#abort.signal.aborted) this.#options.onDelivery?.({ mapping: this.name, ...delivery })
  }

  async #gather(taken: readonly PartitionState[]): Promise<Map<string, PartitionPieces>> {
    const { topic, batches, batchRecordsMax } = this.#options
    const room: Room = { records: batchRecordsMax, bytes: EVENT_BYTES_MAX, empty: true }
    const lists = new Map<string, PartitionPieces>()
    for (const state of taken) {
      // Little room would be filled by little of what is read for it.
      if (room.records <= 0 || room.bytes < EVENT_BYTES_MAX / 8) break
      const limited = { ...room, records: Math.min(room.records, state.limit) }
      const { partition, next } = state
      const list = takePieces(await batches.from(topic, partition, next, limited), next, limited)
      if (list === undefined) continue
      if (list.records === 0) await this.#pass(state, list.end)
      if (list.records === 0) continue
      room.bytes = limited.bytes
      room.empty = false
      room.records -= list.records
      lists.set(`${topic}-${state.partition}`, list)
    }
    return lists
  }

  /** Moves the offsets as far as the answer allows. */
  async #settle(
    taken: readonly PartitionState[],
    lists: ReadonlyMap<string, PartitionPieces>,
    failed: ReadonlyMap<string, number>,
  ): Promise<void> {
    const { topic, batchRecordsMax } = this.#options
    for (const state of taken) {
      const key = `${topic}-${state.partition}`
      const list = lists.get(key)
      if (list === undefined) continue
      const failedAt = failed.get(key)
      const next = failedAt ?? list.end
      const moved = next > state.next
      await this.#pass(state, next)
      if (failedAt === undefined) {
        state.limit = batchRecordsMax
        state.failures = 0
      } else {
        this.#backOff(state, moved)
      }
    }
  }

  /** Everything below `next` needs no delivery any more. */
  async #pass(state: PartitionState, next: number): Promise<void> {
    const { keyed, name, topic, batches } = this.#options
    if (next > state.next) await deliverFrom(keyed, name, topic, state.partition, next)
    state.next = next
    batches.passed(name, topic, state.partition, next)
  }

  /** The function failed: half of each partition next time, so that one bad record is soon alone. */
  #halve(taken: readonly PartitionState[]): void {
    for (const state of taken) {
      state.limit = Math.max(1, Math.ceil(Math.min(state.limit, state.end - state.next) / 2))
      this.#backOff(state, false)
    }
  }

  #backOff(state: PartitionState, moved: boolean): void {
    state.failures = moved ? 1 : state.failures + 1
    const waitMs = Math.min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS * 2 ** Math.min(10, state.failures - 1))
    state.notBeforeMs = this.#options.clock.nowMs() + waitMs
  }
}

async function openPartition(options: MappingOptions, partition: number): Promise<PartitionState> {
  const { log, keyed, topic, name, batches, batchRecordsMax } = options
  const delivered = await deliveredUpTo(keyed, name, topic, partition)
  const { start, end } = await log.offsets(topic, partition)
  const next = delivered ?? start
  batches.passed(name, topic, partition, next)
  const state = { partition, next, end, busy: false, limit: batchRecordsMax, failures: 0 }
  return { ...state, notBeforeMs: 0, waitingSinceMs: undefined }
}

/** The offset up to which a function has answered for a partition; undefined where it has not for any. */
export async function deliveredUpTo(
  keyed: KeyedStore,
  mapping: string,
  topic: string,
  partition: number,
): Promise<number | undefined> {
  const item = await keyed.get(offsetsKey(mapping, topic), String(partition))
  return item === undefined ? undefined : Number(item.rev)
}

/** Stores the offset from which on a function is delivered a partition. */
export async function deliverFrom(
  keyed: KeyedStore,
  mapping: string,
  topic: string,
  partition: number,
  offset: number,
): Promise<void> {
  const item = { pk: offsetsKey(mapping, topic), sk: String(partition), rev: String(offset) }
  await keyed.put({ ...item, data: new Uint8Array(0) }, 'any')
}

function offsetsKey(name: string, topic: string): string {
  return `offset/${name}/${topic}`
}
