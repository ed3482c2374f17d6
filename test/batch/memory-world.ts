import type { RunResult } from '../../lib/batch/run-result.ts'
import type { BatchSettings } from '../../lib/batch/settings.ts'
import { batchSteps } from '../../lib/batch/steps.ts'
import { commit, readManifest } from '../../lib/master/manifest-store.ts'
import { cutRuns, writeFile } from '../../lib/master/new-file.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { countStage } from '../../lib/speed/count.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { type Entry, writeEntry } from '../../lib/stream/entry.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { MemoryLog } from '../support/memory-log.ts'

export const SETTINGS: BatchSettings = { slackMs: 2_000, graceMs: 600_000, leaseMs: 30_000 }

/**
 * A stream in memory whose log, master and boards a test moves by hand: records are appended at the clock's time, archived
 * and counted when it says so.
 */
export class MemoryWorld {
  readonly keyed = new MemoryKeyed()
  readonly objects = new MemoryObjects()
  readonly ends: number[]
  /** Of the broker and of the object store. */
  readonly clock: { ms: number }
  /** How far the clock of whoever runs steps is ahead of the broker's. */
  aheadMs = 0
  readonly ports: Ports
  stream: Stream
  readonly #entries: Entry[][]
  readonly #archived: number[]
  readonly #counted: number[]

  constructor(stream: Stream) {
    this.stream = stream
    const { objects } = this
    objects.nowMs = 1_700_000_000_000
    this.clock = {
      get ms() {
        return objects.nowMs
      },
      set ms(ms) {
        objects.nowMs = ms
      },
    }
    const none = Array.from({ length: stream.partitions }, () => 0)
    this.ends = [...none]
    this.#archived = [...none]
    this.#counted = [...none]
    this.#entries = none.map(() => [])
    this.ports = this.portsOn(this.keyed, this.objects)
  }

  /** Ports on these stores, which may be wrapped. */
  portsOn(keyed: Ports['keyed'], objects: Ports['objects']): Ports {
    const log = Object.create(new MemoryLog(), {
      describeTopic: { value: async (name: string) => ({ name, id: name, partitions: this.ends.length }) },
      offsets: {
        value: async (_: string, partition: number) => ({ start: 0, end: this.ends[partition] ?? 0 }),
      },
    }) as MemoryLog
    const { clock } = this
    const nowMs = () => clock.ms + this.aheadMs
    return {
      site: 'here',
      epochMs: 60_000,
      log,
      keyed,
      objects,
      publisher: { maxFrameBytes: 1, send: async () => 'gone', close: async () => undefined },
      metrics: { record: () => undefined },
      clock: {
        nowMs,
        sleep: async (ms) => {
          clock.ms += ms
        },
      },
      close: async () => undefined,
    }
  }

  pass(ms: number): void {
    this.clock.ms += ms
  }

  append(partition: number, value: Readonly<Record<string, unknown>>, eventTime = this.clock.ms): void {
    const entries = this.#entries[partition] ?? []
    entries.push({
      site: 'here',
      topic: topicName(this.stream.name, 'raw'),
      partition,
      offset: entries.length,
      appendTime: this.clock.ms,
      eventTime,
      outcome: 'ok',
      value,
    })
    this.ends[partition] = entries.length
  }

  /** All entries there are, whatever has become of them. */
  get entries(): readonly Entry[] {
    return this.#entries.flat()
  }

  /** Archive takes the next `records` of a partition, as one batch. */
  async archive(partition: number, records = Number.POSITIVE_INFINITY): Promise<void> {
    const from = this.#archived[partition] ?? 0
    const some = (this.#entries[partition] ?? []).slice(from, from + records)
    if (some.length === 0) return
    const { name } = this.stream
    const loaded = await readManifest(this.objects, name, topicName(name, 'raw'), partition)
    const files = []
    for (const run of cutRuns(some)) files.push(await writeFile(this.objects, this.stream, run))
    const to = from + some.length
    await commit(this.objects, loaded, { files, progress: { nextOffset: to, highestOrigin: to - 1 } }, 4)
    this.#archived[partition] = to
  }

  /** Count takes the next `records` of a partition, as one batch. */
  async count(partition: number, records = Number.POSITIVE_INFINITY): Promise<void> {
    const from = this.#counted[partition] ?? 0
    const some = (this.#entries[partition] ?? []).slice(from, from + records)
    if (some.length === 0) return
    const stage = countStage(this.stream, this.ports)
    const topic = topicName(this.stream.name, 'enriched')
    const loaded = await stage.load(topic, partition)
    const to = from + some.length
    const entries = some.map((entry) => ({
      offset: entry.offset,
      origin: entry.offset,
      text: writeEntry(entry),
    }))
    const progress = { nextOffset: to, highestOrigin: to - 1 }
    await stage.apply({ topic, partition, entries, progress }, loaded)
    this.#counted[partition] = to
  }

  async settle(): Promise<void> {
    for (const partition of this.ends.keys()) {
      await this.archive(partition)
      await this.count(partition)
    }
  }
}

/** The steps one after the other, as the state machine calls them, without its retries. */
export async function driveRun(
  ports: Ports,
  stream: Stream,
  run: string,
  { full, settings = SETTINGS }: { readonly full?: boolean; readonly settings?: BatchSettings } = {},
): Promise<RunResult> {
  const steps = batchSteps(ports, () => stream, settings)
  const input = { stream: stream.name, ...(full === undefined ? {} : { full }) }
  const planned = await steps.plan({ input, execution: run }, ports.clock.nowMs() + 60_000)
  const step = { stream: stream.name, run }
  if (!planned.ended) {
    for (const shard of planned.shards) await steps.recompute(shard)
    const merge = await steps.merge(step)
    for (const part of merge?.parts ?? []) await steps.merge(part)
  }
  const result = await steps.publish(step)
  await steps.expire(step, ports.clock.nowMs() + 3_600_000)
  return result
}
