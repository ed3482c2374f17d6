import { Pump, type PumpSettings } from '../../lib/serve/push.ts'
import { type SocketHandler, socketHandler } from '../../lib/serve/socket.ts'
import type { KafkaHandler } from '../../lib/speed/kafka-event.ts'
import { notifyHandler } from '../../lib/speed/notify.ts'
import type { Stream } from '../../lib/stream/define.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { recordId } from '../../lib/stream/origin.ts'
import { sampleEntry, sampleEvent, sampleStream } from './sample.ts'
import { Sim, SimProcess, World } from './sim.ts'

/** Without a pause nobody waits for the next frame, so that sending and storing overlap most. */
const INTERVALS_MS = [0, 1_000]
export const CONTEXT = { getRemainingTimeInMillis: () => 30_000 }

/** A simulated site of one stream: processes that come and go, Kafka mappings, and WebSocket clients. */
export class SimSite {
  readonly sim: Sim
  readonly world: World
  readonly socket: SocketHandler
  readonly #settings: PumpSettings
  readonly #stream: Stream
  readonly #warm: { process: SimProcess; handler: KafkaHandler }[] = []

  constructor(seed: number, settings?: PumpSettings, stream: Stream = sampleStream) {
    this.#stream = stream
    this.sim = new Sim(seed)
    this.world = new World(this.sim)
    this.#settings = settings ?? { frameIntervalMs: INTERVALS_MS[this.sim.below(2)] ?? 0 }
    const ports = this.world.ports()
    this.socket = socketHandler(ports, new Pump(ports, [this.#stream], this.#settings))
  }

  /** A process of `notify`, warm or new. */
  notifier(): { process: SimProcess; handler: KafkaHandler } {
    const warm = this.#warm.filter(({ process }) => !process.dead)
    const one = warm[this.sim.below(warm.length + 1)]
    if (one !== undefined) return one
    const process = new SimProcess(this.world)
    const pump = new Pump(process.ports, [this.#stream], this.#settings)
    const push = (partitions: readonly string[], untilMs: number) =>
      pump.run('sample', { owner: partitions[0] ?? '', mine: partitions, untilMs })
    const handler = notifyHandler(this.#stream, process.ports, pump.logOf('sample'), push)
    const made = { process, handler }
    this.#warm.push(made)
    return made
  }

  /**
   * Delivers an enriched partition as a mapping does: at least once, cut anew after a failure, sometimes with the former
   * invocation still at work. Resolves when all of it is acknowledged.
   */
  async deliver(
    partition: number,
    entries: readonly Entry[],
    odds: { kill: number; zombie: number },
  ): Promise<void> {
    const { sim } = this
    let attempts = 0
    for (let at = 0; at < entries.length; ) {
      if (++attempts > 100 * entries.length) throw new Error('the mapping gets nowhere')
      const size = 1 + sim.below(8)
      const event = sampleEvent(partition, at, entries.slice(at, at + size))
      const { process, handler } = this.notifier()
      if (sim.random() < odds.kill) process.lifeSteps = sim.below(40)
      const answered = handler(event, CONTEXT).then((answer) =>
        answer.batchItemFailures.length === 0 ? 'done' : 'failed',
      )
      const lost = process.killed.then(() => 'lost')
      const zombie = sim.random() < odds.zombie ? [this.#pauses(sim.below(30)).then(() => 'lost')] : []
      if ((await Promise.race([answered, lost, ...zombie])) === 'done') at += size
    }
  }

  async #pauses(n: number): Promise<void> {
    for (let i = 0; i < n; i++) await this.sim.pause()
  }

  /** What lies in an enriched partition: every origin, some again, with other decisions then, closed downwards. */
  enriched(partition: number, origins: number): { entries: Entry[]; alerts: string[] } {
    const { sim } = this
    const entries: Entry[] = []
    const alerts: string[] = []
    for (let next = 0; next < origins; ) {
      const from = sim.random() < 0.3 ? sim.below(next + 1) : next
      const to = Math.min(origins, from + 1 + sim.below(10))
      for (let offset = from; offset < to; offset++) {
        const entry = sampleEntry(
          partition,
          offset,
          sim.random() < 0.4 ? { severity: 'high', score: 0.9 } : {},
        )
        entries.push(entry)
        if (offset >= next && 'severity' in entry) alerts.push(recordId(entry))
      }
      next = Math.max(next, to)
    }
    return { entries, alerts }
  }
}
