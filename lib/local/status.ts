import type { Ports } from '../ports/ports.ts'
import type { Ledger, StageName, StageStatus, StreamStatus } from '../serve/dashboard-messages.ts'
import { Totals } from '../serve/ledger.ts'
import { lostRanges, offsetsGone } from '../state/lost.ts'
import { activeModel } from '../state/models.ts'
import type { Stream } from '../stream/define.ts'
import { parseTopic, topicName } from '../stream/topic.ts'
import { deliveredUpTo, type MappedStage } from './mapping.ts'

/** Turns totals taken over time into rates: over the last few seconds, so that a number is calm enough to read. */
class Rates {
  readonly #samples: { readonly atMs: number; readonly totals: ReadonlyMap<string, number> }[] = []
  readonly #spanMs: number

  constructor(spanMs = 3_000) {
    this.#spanMs = spanMs
  }

  /** Records a second since the oldest sample kept. */
  take(atMs: number, totals: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
    this.#samples.push({ atMs, totals })
    while (this.#samples.length > 2 && atMs - (this.#samples[0]?.atMs ?? atMs) > this.#spanMs)
      this.#samples.shift()
    const [oldest] = this.#samples
    const seconds = (atMs - (oldest?.atMs ?? atMs)) / 1000
    const rate = (name: string, total: number) =>
      seconds === 0 ? 0 : Math.max(0, (total - (oldest?.totals.get(name) ?? total)) / seconds)
    return new Map([...totals].map(([name, total]) => [name, rate(name, total)]))
  }
}

/** How a stream stands, read from the log and the stores alone: with or without a running pipeline. */
export class StreamWatch {
  readonly #ports: Ports
  readonly #stream: Stream
  readonly #rates = new Rates()
  readonly #totals: Totals

  constructor(ports: Ports, stream: Stream) {
    this.#ports = ports
    this.#stream = stream
    this.#totals = new Totals(ports, stream)
  }

  read(): Promise<StreamStatus> {
    return streamStatus(this.#ports, this.#stream, this.#rates, this.#totals)
  }
}

async function streamStatus(
  ports: Ports,
  stream: Stream,
  rates: Rates,
  totals: Totals,
): Promise<StreamStatus> {
  // Backwards along the path of a record: what is read later may only be further on, never behind what it feeds.
  const stored = await totals.read(ports.clock.nowMs())
  const delivered = new Map<StageName, number>()
  for (const stage of ['archive', 'count', 'notify'] as const)
    delivered.set(stage, await consumed(ports, stage, stream))
  const entries = await ends(ports, topicName(stream.name, 'enriched'))
  const scored = await consumed(ports, 'score', stream)
  const appended = await ends(ports, topicName(stream.name, 'raw'))
  const records = new Map<StageName, number>([['collect', appended], ['score', scored], ...delivered])
  const perSecond = rates.take(ports.clock.nowMs(), records)
  const model = await activeModel(ports, stream.name)
  const ledger: Ledger = { in: appended, scored, ...stored }
  const stages = [...records].map(([stage, done]): StageStatus => {
    const before = stage === 'collect' ? done : stage === 'score' ? appended : entries
    return {
      stage,
      records: done,
      recordsPerSecond: perSecond.get(stage) ?? 0,
      lag: Math.max(0, before - done),
    }
  })
  return {
    name: stream.name,
    ledger,
    stages,
    ...(model === undefined ? {} : { model: { version: model.version, publishedMs: model.sinceMs } }),
  }
}

async function ends(ports: Ports, topic: string): Promise<number> {
  const { partitions = 0 } = (await ports.log.describeTopic(topic)) ?? {}
  let sum = 0
  for (let partition = 0; partition < partitions; partition++) {
    const { end } = await ports.log.offsets(topic, partition)
    sum += await recordsBelow(ports, topic, partition, end)
  }
  return sum
}

/** Fencing takes offsets of raw topics that no record has. */
async function recordsBelow({ keyed }: Ports, topic: string, partition: number, offset: number) {
  if (parseTopic(topic).kind !== 'raw') return offset
  const control = (await lostRanges(keyed, topic, partition)).filter(({ kind }) => kind === 'control')
  return offset - offsetsGone(control, { from: 0, to: offset })
}

async function consumed(ports: Ports, stage: MappedStage, stream: Stream): Promise<number> {
  const topic = topicName(stream.name, stage === 'score' ? 'raw' : 'enriched')
  const { partitions = 0 } = (await ports.log.describeTopic(topic)) ?? {}
  let sum = 0
  for (let partition = 0; partition < partitions; partition++)
    sum += await recordsBelow(
      ports,
      topic,
      partition,
      (await deliveredUpTo(ports.keyed, stage, topic, partition)) ?? 0,
    )
  return sum
}
