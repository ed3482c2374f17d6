import type { Ports } from '../ports/ports.ts'
import type { Stream } from '../stream/define.ts'
import { type Block, placeAt, type RecordBlock, recordAt, recordsIn } from './block.ts'
import { stamped, stampUuid } from './generate.ts'
import type { Landed } from './landed.ts'
import { Lane } from './lane.ts'
import { LargeRecordWriter, RECORD_BYTES_MAX } from './large-record.ts'
import { atOrBefore, earliest, later, notAfter, type Place } from './place.ts'
import { plainRecord, pointerRecord, type RawRecord, type Route, Router, spilled } from './router.ts'
import type { RunFence } from './run-fence.ts'
import type { Floor, RunRecord } from './run-record.ts'

export interface SenderOptions {
  readonly ports: Ports
  readonly stream: Stream
  readonly run: RunRecord
  readonly fence: RunFence
  readonly random: () => number
  /** The run reads its sources side by side. */
  readonly sideBySide?: boolean
  /** As of a lane. */
  readonly attemptsMax?: number
}

/** Which records of a block to send, and where the block stands in its run. */
export interface Portion {
  readonly block: Block
  readonly source: number
  /** Records of the run in the sources before this one. */
  readonly recordsBefore: number
  readonly from: number
  readonly to: number
  /** Positions less than this apart go to one partition where there is no key; always the same for a source. */
  readonly stride?: number
}

/** Sends a run's records to their partitions, but for those that have landed already. */
export class Sender {
  readonly #options: SenderOptions
  readonly #router: Router
  readonly #lanes: readonly Lane[]
  readonly #recordBytesMax: number
  /** By partition: its records up to here had landed when this session began. */
  readonly #skipTo: readonly Place[]
  /** Up to here every partition's had, so that a block need not even be looked at. */
  readonly #skipAllTo: Place
  /** The same by partition and source, where these are read side by side. */
  readonly #skipSources: readonly Readonly<Record<number, Place>>[] | undefined

  constructor(options: SenderOptions) {
    const { ports, run, random, stream, fence, sideBySide = false, attemptsMax } = options
    const { log, clock } = ports
    const { topic, runId } = run
    this.#options = options
    this.#router = new Router(stream, run.landed.length)
    this.#recordBytesMax = Lane.recordBytesMax(log)
    this.#skipTo = run.landed.map(({ mark }) => later(mark ?? run.floor, run.floor))
    this.#skipAllTo = earliest(this.#skipTo)
    this.#skipSources = sideBySide ? run.landed.map(({ sources = {} }) => sources) : undefined
    const common = {
      fence,
      log,
      clock,
      random,
      topic,
      run: runId,
      sideBySide,
      ...(attemptsMax && { attemptsMax }),
    }
    this.#lanes = run.landed.map((landed, partition) => new Lane({ ...common, partition, landed }))
  }

  get landed(): readonly Landed[] {
    return this.#lanes.map(({ landed }) => landed)
  }

  /** The first record that was taken and is not known to have landed. */
  get firstPending(): Place | undefined {
    const pending = this.#lanes.map(({ firstPending }) => firstPending).filter((place) => place !== undefined)
    return pending.length === 0 ? undefined : earliest(pending)
  }

  /** The same of one source. */
  firstPendingOf(source: number): Place | undefined {
    const pending = this.#lanes
      .map((lane) => lane.firstPendingOf(source))
      .filter((place) => place !== undefined)
    return pending.length === 0 ? undefined : pending.reduce((a, b) => (notAfter(a, b) ? a : b))
  }

  /** Forgets how far sources have landed that are not read again before their floor. */
  forget(isBelowFloor: (place: Place) => boolean): void {
    for (const lane of this.#lanes) lane.forget(isBelowFloor)
  }

  /** Where a record too large for the log goes: by its place, so that a restart writes the same object again. */
  largeKey({ source, position, nth }: Place): string {
    const { stream, run } = this.#options
    return `large/${stream.name}/${run.runId}/${source}-${position}${nth === undefined ? '' : `-${nth}`}`
  }

  /** True where all of the portion had landed before this session. */
  hasLanded({ block, source, to }: Portion): boolean {
    if (this.#skipSources !== undefined) return false
    return atOrBefore({ source, position: block.position + to - 1 }, this.#skipAllTo)
  }

  /** Takes the records in order; waits where a partition's lane is full. */
  async take(portion: Portion): Promise<void> {
    if (this.hasLanded(portion)) return
    const { block, source, stride } = portion
    if (block.kind === 'large') {
      const place = placeAt(block, source, 0)
      await this.#give(this.#router.byPlace(place, stride), pointerRecord(block.pointer), place)
    } else await this.#takeRecords(block, portion)
  }

  /** Sends what lanes that wait for nothing have packed. */
  async sendIdle(): Promise<void> {
    for (const lane of this.#lanes) if (!lane.busy) await lane.send()
  }

  /** Sends everything that is packed. */
  async sendAll(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.send()))
  }

  /** Sends everything and resolves once it has landed. The lanes that can are drained before this rejects. */
  async drain(): Promise<void> {
    const results = await Promise.allSettled(this.#lanes.map((lane) => lane.drain()))
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** Sends nothing more and resolves once nothing is outstanding. */
  async rest(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.rest()))
  }

  /** The floor of a checkpoint: `read` is what has been taken, all of it. */
  floor(read: Floor, recordsBefore: (source: number) => number): Floor {
    const pending = this.firstPending
    if (pending === undefined) return read
    const { source, position } = pending
    return { source, position: position - 1, recordsBefore: recordsBefore(source) }
  }

  async #takeRecords(block: RecordBlock, portion: Portion): Promise<void> {
    const { source, recordsBefore, from, to, stride } = portion
    for (let i = from; i < to; i++) {
      const place = placeAt(block, source, i)
      const bytes = recordAt(block, i)
      const value = this.#stamped(bytes, block, i, recordsBefore)
      const route = this.#router.route(bytes, place, stride)
      const sizeBytes = value.length + (route.key?.length ?? 0)
      if (value.length > RECORD_BYTES_MAX || sizeBytes > this.#recordBytesMax)
        await this.#spill(value, place, stride)
      else {
        const waiting = this.#give(route, plainRecord(value), place)
        if (waiting !== undefined) await waiting
      }
    }
  }

  async #spill(value: Buffer, place: Place, stride: number | undefined): Promise<void> {
    const route = this.#router.byPlace(place, stride)
    if (this.#landedIn(route, place)) return
    const record = await spilled(this.#options.ports.objects, this.largeKey(place), value)
    await this.#give(route, record, place)
  }

  /** Undefined where nothing has to be waited for, which is nearly always. */
  #give(route: Route, { value, headers }: RawRecord, place: Place): Promise<void> | undefined {
    if (this.#landedIn(route, place)) return undefined
    const lane = this.#lanes[route.partition] as Lane
    if (!lane.isFullFor(value.length + (route.key?.length ?? 0), place.source)) {
      lane.add(route.key, value, headers, place)
      return undefined
    }
    return lane.send().then(() => lane.add(route.key, value, headers, place))
  }

  #landedIn({ partition }: Route, place: Place): boolean {
    if (this.#skipSources === undefined) return atOrBefore(place, this.#skipTo[partition] as Place)
    const landed = this.#skipSources[partition]?.[place.source]
    return landed !== undefined && notAfter(place, landed)
  }

  #stamped(bytes: Buffer, block: RecordBlock, i: number, recordsBefore: number): Buffer {
    const { run, stream, ports } = this.#options
    const { stampSeed } = run.plan
    if (stampSeed === undefined) return bytes
    const sequence = recordsBefore + block.position + i
    return stamped(stream, bytes, {
      uuid: stampUuid(stampSeed, sequence),
      utc: new Date(ports.clock.nowMs()).toISOString(),
      sequence_id: sequence,
      index: block.indexes?.[i] ?? block.position + i,
    })
  }
}

/** All of a block. */
export function wholeOf(block: Block, source: number, recordsBefore: number): Portion {
  return { block, source, recordsBefore, from: 0, to: recordsIn(block) }
}

/** A writer for the record at `place`, which the reader found too large for the log. */
export function largeWriter(ports: Ports, sender: Sender, place: Place): LargeRecordWriter {
  return new LargeRecordWriter(ports.objects, sender.largeKey(place))
}
