import { ArchiveBehindError } from '../../lib/batch/frontier.ts'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { archiveStage } from '../../lib/speed/archive.ts'
import { countStage } from '../../lib/speed/count.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import type { KafkaEvent, KafkaHandler } from '../../lib/speed/kafka-event.ts'
import { RunLostError, RunRefusedError } from '../../lib/state/batch-run.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { type Entry, writeEntry } from '../../lib/stream/entry.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { driveRun, MemoryWorld, SETTINGS } from '../batch/memory-world.ts'
import { AMPLE } from '../support/ports.ts'
import { Schedule, scheduled } from '../support/schedule.ts'

/** One record as a source sent it. */
export interface Sent {
  readonly partition: number
  readonly text: string
  readonly list: readonly string[]
  readonly integer: number
  /** How long before its append it happened, ms. */
  readonly ageMs: number
  /** How long after the one before it is appended, ms. */
  readonly gapMs: number
  readonly outcome: 'ok' | 'drop' | 'dead'
  /** How often `score` had already decided about it, each time otherwise, when it began again from here. */
  readonly repeats: number
}

export interface Case {
  /** Of everything that is not spelled out: who runs when, what is killed, lost or late. */
  readonly seed: number
  readonly records: readonly Sent[]
}

/** What is put in the way of the stages and of the batch layer to take a rule away. */
export interface Without {
  /** Entries as `count` sees them. */
  readonly counted?: (entry: Entry, nowMs: number) => Entry
  readonly ports?: (world: MemoryWorld, ports: Ports, archived: () => readonly number[]) => Ports
}

const FAULTS = { fail: 0.04, lose: 0.04, late: 0.02 }

/**
 * Entries of both partitions come to `count` and `archive` in batches cut anywhere, more than once, some to invocations that
 * are given up and live on, while recomputes run at any moment; requests fail, lose their answers and land late.
 */
export class LawWorld {
  readonly world: MemoryWorld
  readonly truth: readonly Entry[]
  readonly #enriched: readonly (readonly Entry[])[]
  readonly #schedule: Schedule
  readonly #ports: Ports
  readonly #stream: Stream
  readonly #without: Without
  readonly #zombies: Promise<unknown>[] = []
  readonly #positions: Readonly<Record<'count' | 'archive', number[]>>
  #runs = 0

  constructor(stream: Stream, { seed, records }: Case, without: Without = {}) {
    this.#stream = stream
    this.#without = without
    this.world = new MemoryWorld(stream)
    this.#schedule = new Schedule(seed, FAULTS)
    this.truth = entriesOf(stream, records, this.world.clock.ms)
    this.#enriched = this.world.ends.map((_, p) => this.#decided(p, records))
    for (const { partition } of this.truth) this.world.ends[partition] = (this.world.ends[partition] ?? 0) + 1
    this.#positions = { count: this.world.ends.map(() => 0), archive: this.world.ends.map(() => 0) }
    this.world.pass((this.truth.at(-1)?.appendTime ?? 0) - this.world.clock.ms)
    const { keyed, objects } = this.world
    const ports = this.world.portsOn(
      scheduled<KeyedStore>(keyed, ['get', 'put', 'transact', 'delete'], this.#schedule),
      scheduled<ObjectStore>(objects, ['get', 'put', 'head', 'delete'], this.#schedule),
    )
    this.#ports = without.ports?.(this.world, ports, () => this.#archivedOrigins()) ?? ports
  }

  /** Everything taken in by both stages, at least one recompute published. */
  async run(): Promise<void> {
    const { random } = this.#schedule
    for (let steps = 0; steps < 400 && !this.#done; steps++) {
      const dice = random()
      if (dice < 0.15) this.world.pass(Math.floor(random() * 90_000))
      else if (dice < 0.3) await this.#recompute(random() < 0.1)
      else await this.#deliver(dice < 0.7 ? 'count' : 'archive', Math.floor(random() * this.#enriched.length))
      if (random() < 0.2) await this.#schedule.landLate().catch(() => undefined)
    }
    for (const stage of ['count', 'archive'] as const)
      for (const partition of this.#enriched.keys()) await this.#finish(stage, partition)
    await Promise.all(this.#zombies)
    this.world.pass(SETTINGS.leaseMs + 1)
    if (random() < 0.7) await driveRun(this.world.ports, this.#stream, 'closing').catch(mayHappen)
  }

  get #done(): boolean {
    return Object.values(this.#positions).every((at) =>
      at.every((position, p) => position >= (this.#enriched[p]?.length ?? 0)),
    )
  }

  /** What `score` left: each origin's first decision in order, stretches of them again with other decisions in between. */
  #decided(partition: number, records: readonly Sent[]): readonly Entry[] {
    const first = this.truth.filter((entry) => entry.partition === partition)
    const sent = records.filter((record) => record.partition === partition)
    return first.flatMap((entry, i) => {
      const repeats = Math.min(i, sent[i]?.repeats ?? 0)
      return [...first.slice(i - repeats, i).map(redecided), entry]
    })
  }

  #archivedOrigins(): readonly number[] {
    return this.#positions.archive.map((position, p) =>
      Math.max(0, ...(this.#enriched[p] ?? []).slice(0, position).map(({ offset }) => offset + 1)),
    )
  }

  async #deliver(stage: 'count' | 'archive', partition: number): Promise<void> {
    const { random } = this.#schedule
    const log = this.#enriched[partition] ?? []
    const positions = this.#positions[stage]
    const next = positions[partition] ?? 0
    const from = Math.max(0, next - Math.floor(random() * 4))
    const to = Math.min(log.length, next + 1 + Math.floor(random() * 12))
    if (from >= to) return
    const attempt = this.#handler(stage, this.#ports)(this.#event(stage, partition, from, to), AMPLE)
    if (random() < 0.2) {
      this.#zombies.push(attempt)
      await this.#schedule.turn()
    } else if ((await attempt).batchItemFailures.length === 0) positions[partition] = Math.max(next, to)
  }

  /** The rest, until it is done, with nothing in the way. */
  async #finish(stage: 'count' | 'archive', partition: number): Promise<void> {
    const to = this.#enriched[partition]?.length ?? 0
    if (to === 0) return
    const event = this.#event(stage, partition, this.#positions[stage][partition] ?? 0, to)
    if ((event.records[Object.keys(event.records)[0] ?? '']?.length ?? 0) === 0) return
    await this.#handler(stage, this.world.ports)(event, AMPLE)
  }

  #handler(stage: 'count' | 'archive', ports: Ports): KafkaHandler {
    return stage === 'count'
      ? entryConsumer(this.#stream.name, countStage(this.#stream, ports), ports)
      : entryConsumer(this.#stream.name, archiveStage(this.#stream, ports, { sealItems: 4 }), ports)
  }

  #event(stage: 'count' | 'archive', partition: number, from: number, to: number): KafkaEvent {
    const topic = topicName(this.#stream.name, 'enriched')
    const { counted } = this.#without
    const records = (this.#enriched[partition] ?? []).slice(from, to).map((entry, i) => ({
      topic,
      partition,
      offset: from + i,
      timestamp: entry.appendTime + 1,
      timestampType: 'LOG_APPEND_TIME' as const,
      value: Buffer.from(
        writeEntry(stage === 'count' && counted ? counted(entry, this.world.clock.ms) : entry),
      ).toString('base64'),
    }))
    return { eventSource: 'aws:kafka', records: { [`${topic}-${partition}`]: records } }
  }

  async #recompute(full: boolean): Promise<void> {
    const { random } = this.#schedule
    // A run that died is gone on with, or its lease ends and another takes over.
    if (random() < 0.5) this.#runs++
    if (random() < 0.5) this.world.pass(SETTINGS.leaseMs + 1)
    const run = driveRun(this.#ports, this.#stream, `run-${this.#runs}`, { full }).catch(() => undefined)
    if (random() < 0.3) this.#zombies.push(run)
    else await run
  }
}

/** Each origin's decision, as it stands first in the enriched partition. */
function entriesOf(stream: Stream, records: readonly Sent[], startMs: number): readonly Entry[] {
  const offsets = new Map<number, number>()
  let nowMs = startMs
  return records.map((sent): Entry => {
    const { partition, outcome } = sent
    const offset = offsets.get(partition) ?? 0
    offsets.set(partition, offset + 1)
    nowMs += sent.gapMs
    const eventTime = Math.max(0, nowMs - sent.ageMs)
    const head = { site: 'here', topic: topicName(stream.name, 'raw'), partition, offset, appendTime: nowMs }
    const value = { text: sent.text, list: sent.list, integer: sent.integer }
    if (outcome === 'dead')
      return { ...head, eventTime: nowMs, outcome, stage: 'parse', reason: 'bad', raw: 'AAEC' }
    if (outcome === 'drop') return { ...head, eventTime, outcome, rule: 'r', value }
    return { ...head, eventTime, outcome, value }
  })
}

/** What a retry under another model or release may have decided: it counts for nothing. */
function redecided(entry: Entry): Entry {
  const { site, topic, partition, offset, appendTime, eventTime } = entry
  const head = { site, topic, partition, offset, appendTime, eventTime }
  return { ...head, outcome: 'ok', value: { text: 'again', list: ['again'], integer: 1_000_000 } }
}

function mayHappen(error: unknown): void {
  const fine = [RunRefusedError, RunLostError, ArchiveBehindError].some((kind) => error instanceof kind)
  if (!fine) throw error
}
