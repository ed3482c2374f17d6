import { Trends } from '../detect/trends.ts'
import type { Ports } from '../ports/ports.ts'
import type { Publisher } from '../ports/publisher.ts'
import type { TrendsMessage } from '../serve/dashboard-messages.ts'
import { queryView } from '../serve/query.ts'
import type { Stream } from '../stream/define.ts'
import { compileView, type View } from '../views/view.ts'
import { messageOf } from './trouble.ts'

export interface TrendsPushOptions {
  readonly ports: Ports
  readonly streams: readonly Stream[]
  readonly publisher: Pick<Publisher, 'send'>
  readonly onTrouble: (message: string) => void
  readonly everyMs?: number
}

/** The view that trends slide over, in slots as long as a slide. */
const VIEW = 'trending'
const SLIDE_MS = 10_000
const DELAY_MS = 20_000
/** The past that bursts are held against at the start. */
const PAST_MS = 4_200_000
const EVERY_MS = 2_000

/**
 * The channels `trends/<stream>` of streams that have a view `trending`, which counts by slots of ten seconds: a slide is
 * computed from the view, both layers together, 20 s after its end by this machine's clock. What is counted later is in no
 * slide.
 */
export class TrendsPush {
  readonly #options: TrendsPushOptions
  readonly #channels: ReadonlyMap<string, Channel>
  #timer: NodeJS.Timeout | undefined
  #last: Promise<void> = Promise.resolve()

  constructor(options: TrendsPushOptions) {
    this.#options = options
    const channels = options.streams.flatMap(({ name, views }) => {
      const definition = Object.hasOwn(views, VIEW) ? views[VIEW] : undefined
      if (definition?.slotMs !== SLIDE_MS || definition.aggregates.count?.kind !== 'count') return []
      return [new Channel(`trends/${name}` as const, compileView(name, VIEW, definition))]
    })
    this.#channels = new Map(channels.map((channel) => [channel.name, channel]))
  }

  has(channel: string): boolean {
    return this.#channels.has(channel)
  }

  start(): void {
    if (this.#channels.size === 0) return
    this.#timer = setInterval(() => {
      this.#last = this.#last.then(() => this.#tick())
    }, this.#options.everyMs ?? EVERY_MS)
    this.#timer.unref()
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#last
  }

  /** Sends the latest slide at once, if there is one, and every later one. */
  async subscribe(channel: string, connectionId: string): Promise<void> {
    const one = this.#channels.get(channel)
    one?.clients.add(connectionId)
    if (one?.latest !== undefined) await this.#send(connectionId, one.latest)
  }

  unsubscribe(channel: string, connectionId: string): void {
    this.#channels.get(channel)?.clients.delete(connectionId)
  }

  disconnected(connectionId: string): void {
    for (const { clients } of this.#channels.values()) clients.delete(connectionId)
  }

  async #tick(): Promise<void> {
    for (const channel of this.#channels.values())
      try {
        for (const frame of await channel.advance(this.#options.ports))
          await Promise.all([...channel.clients].map((id) => this.#send(id, frame)))
      } catch (error) {
        this.#options.onTrouble(`${channel.name}: ${messageOf(error)}`)
      }
  }

  async #send(connectionId: string, frame: string): Promise<void> {
    const { publisher, onTrouble } = this.#options
    const sent = await publisher.send(connectionId, frame).catch((error: unknown) => {
      onTrouble(`trends: ${messageOf(error)}`)
    })
    if (sent === 'gone') this.disconnected(connectionId)
  }
}

class Channel {
  readonly name: `trends/${string}`
  readonly clients = new Set<string>()
  readonly #view: View
  readonly #trends = new Trends({ slideMs: SLIDE_MS, k: 20 })
  /** End of the last slot that was read. */
  #readTo: number | undefined
  #cursor = 0
  latest: string | undefined

  constructor(name: `trends/${string}`, view: View) {
    this.name = name
    this.#view = view
  }

  /** The frames of the slides that closed since; at the start, the last one alone. */
  async advance(ports: Ports): Promise<readonly string[]> {
    const nowMs = ports.clock.nowMs()
    const to = Math.floor((nowMs - DELAY_MS) / SLIDE_MS) * SLIDE_MS
    const first = this.#readTo === undefined
    const from = Math.max(this.#readTo ?? 0, to - PAST_MS)
    if (from >= to) return []
    const { rows } = await queryView(ports, this.#view, { from, to, bySlot: true }, nowMs)
    for (const row of rows) this.#trends.add(row.key, Date.parse(row.from), Number(row.count))
    this.#readTo = to
    const frames = this.#trends.closeTo(to).map((slide): string => {
      const slides = [{ ...slide, provisional: false }]
      const from = String(this.#cursor)
      this.#cursor = slide.to
      const message: TrendsMessage = { channel: this.name, from, cursor: String(slide.to), slides }
      return JSON.stringify(message)
    })
    this.latest = frames.at(-1) ?? this.latest
    return first ? frames.slice(-1) : frames
  }
}
