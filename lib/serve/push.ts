import type { Ports } from '../ports/ports.ts'
import { AlertLog } from '../state/alert-log.ts'
import { type Subscription, SubscriptionStore } from '../state/subscriptions.ts'
import type { Stream } from '../stream/define.ts'
import { type AlertChannel, alertChannel, channelName } from './channel.ts'
import { byIncident, eachAlert, frameRoomBytes, type Gathered, gather, writeFrame } from './frames.ts'
import { Suppressed, withoutSuppressed } from './suppressed.ts'

/** A sender that is silent for so long is taken for dead. */
const LEASE_MS = 5_000
/** A burst ends, and the lease is given up, well before the lease does. */
const BURST_MS_MAX = 2_500
const SEND_MS_MAX = 2_000
/** A client that takes nothing is left alone for so long. */
const PARKED_MS = 10_000
/** Clocks of two functions differ by less. */
const SKEW_MS = 50
/** A filter that lets nothing through is written down only after so many pages: reading them again costs less. */
const UNTOLD_PAGES_MAX = 16

export interface PumpSettings {
  /** A connection gets its first frame at once, and later ones this far apart. */
  readonly frameIntervalMs: number
}

/** An invocation that sends. */
export interface PumpWork {
  /** Stands in the leases it takes. */
  readonly owner: string
  /** Owners whose leases it may take over, because they can only be its own earlier attempts. */
  readonly mine: readonly string[]
  /** Nothing new is begun after it. */
  readonly untilMs: number
}

/**
 * Carries alerts from the log to those who subscribed. Each subscription has its own position in the log and is served
 * under a lease, so any number of functions may do this at once:
 *
 * - A frame is sent before the position is moved: after a crash it is sent again, never left out. Every frame says
 *   where it begins, so that a client can tell a repetition from news.
 * - Who has stored alerts sees to every subscription: it sends them itself, or finds a lease whose owner has promised
 *   to read the log later than now, or tells the owner to read it again. So the last alerts of a burst are never
 *   left lying, and yet only one invocation waits for a connection's next frame to be due.
 */
export class Pump {
  readonly #ports: Ports
  readonly #settings: PumpSettings
  readonly #lanes: ReadonlyMap<string, Lane>
  readonly subscriptions: SubscriptionStore

  constructor(ports: Ports, streams: readonly Stream[], settings: PumpSettings) {
    this.#ports = ports
    this.#settings = settings
    this.#lanes = new Map(
      streams.map(({ name, alertWindowMs }) => [
        name,
        {
          log: new AlertLog(name, ports),
          windowMs: alertWindowMs,
          suppressed: new Suppressed(name, ports),
          levelTo: 0,
        },
      ]),
    )
    this.subscriptions = new SubscriptionStore(ports.keyed, ports.clock)
  }

  /** Whether this pump serves the stream. */
  has(stream: string): boolean {
    return this.#lanes.has(stream)
  }

  /** The alert log of a stream as this process knows it. Throws where there is no such stream. */
  logOf(stream: string): AlertLog {
    return this.#laneOf(stream).log
  }

  /** Serves everyone who listens to a stream. Resolves with the frames sent; a failing connection fails no other. */
  async run(stream: string, work: PumpWork): Promise<{ readonly frames: number; readonly behind: number }> {
    const lane = this.#laneOf(stream)
    const end = (await lane.log.end()).page
    if (end <= lane.levelTo) return { frames: 0, behind: 0 }
    const served: Promise<Served>[] = []
    for (const kind of ['incidents', 'alerts'] as const)
      for await (const subscription of this.subscriptions.of(channelName({ kind, stream })))
        served.push(this.#level(lane, subscription, work))
    const all = await Promise.all(served)
    const behind = all.filter(({ level }) => !level).length
    if (behind === 0) lane.levelTo = Math.max(lane.levelTo, end)
    return { frames: all.reduce((sum, { frames }) => sum + frames, 0), behind }
  }

  /** Serves one subscription; one of another kind of channel is none of its business. */
  async serve(subscription: Subscription, work: PumpWork): Promise<void> {
    const lane = this.#laneOfChannel(subscription.channel)
    if (lane !== undefined) await this.#level(lane, subscription, work)
  }

  /** Serves a subscription that was begun under a lease of this very work, and gives the lease up. */
  async serveBegun(begun: Subscription, work: PumpWork): Promise<void> {
    const lane = this.#laneOfChannel(begun.channel)
    if (lane === undefined) return
    const { at, left } = await this.#burst(lane, begun, work)
    if (at !== undefined && !left) await this.#level(lane, at, work)
  }

  #laneOfChannel(name: string): Lane | undefined {
    const channel = alertChannel(name)
    return channel && this.#lanes.get(channel.stream)
  }

  #laneOf(stream: string): Lane {
    const lane = this.#lanes.get(stream)
    if (lane === undefined) throw new Error(`no stream ${JSON.stringify(stream)} to push alerts of`)
    return lane
  }

  /** Sends until the subscription is where the log ends now, or someone else has promised to. */
  async #level(lane: Lane, from: Subscription, work: PumpWork): Promise<Served> {
    let frames = 0
    try {
      let end = (await lane.log.end()).page
      let at: Subscription | undefined = from
      while (at !== undefined && at.position.page < end) {
        if (this.#ports.clock.nowMs() >= work.untilMs) return { frames, level: false }
        const turn = await this.#turn(lane, at, end, work)
        frames += turn.frames
        if (turn.left) return { frames, level: false }
        if (turn.again) end = (await lane.log.end()).page
        at = turn.at
      }
      return { frames, level: true }
    } catch (error) {
      reportFailure(from, error)
      return { frames, level: false }
    }
  }

  async #turn(lane: Lane, at: Subscription, end: number, work: PumpWork): Promise<Turn> {
    const nowMs = this.#ports.clock.nowMs()
    const { lease } = at
    if (lease !== undefined && nowMs < lease.untilMs && !work.mine.includes(lease.owner)) {
      if (nowMs + SKEW_MS < lease.readsMs || lease.again) return LEFT
      const told = await this.subscriptions.replace(at, { lease: { ...lease, again: true } })
      return told === undefined ? this.#reread(at) : LEFT
    }
    const passed = await this.#passWithoutSending(lane, at, end)
    if (passed !== undefined) return { frames: 0, at: passed }
    const { frameIntervalMs } = this.#settings
    const waitMs = Math.min(Math.max(0, at.framedMs + frameIntervalMs - nowMs), frameIntervalMs)
    if (nowMs + waitMs > work.untilMs) return LEFT
    const readsMs = nowMs + waitMs
    const claim = { owner: work.owner, readsMs, untilMs: readsMs + LEASE_MS }
    const claimed = await this.subscriptions.replace(at, { lease: claim })
    if (claimed === undefined) return this.#reread(at)
    if (waitMs > 0) await this.#ports.clock.sleep(waitMs)
    return this.#burst(lane, claimed, work)
  }

  /** Where a filter lets nothing through up to the log's end there is nothing to claim. */
  async #passWithoutSending(lane: Lane, at: Subscription, end: number): Promise<Subscription | undefined> {
    if (at.where === undefined) return undefined
    const { alerts, next } = await this.#gather(lane, at, at.position, end)
    if (alerts.length > 0 || next.page < end) return undefined
    if (next.page - at.position.page < UNTOLD_PAGES_MAX) return { ...at, position: next }
    return (await this.subscriptions.replace(at, { position: next })) ?? this.#again(at)
  }

  /** Sends what the log holds now, frame after frame, then moves the position and gives the lease up. */
  async #burst(lane: Lane, claimed: Subscription, work: PumpWork): Promise<Turn> {
    const { clock } = this.#ports
    const { connectionId } = claimed
    const channel = claimed.channel as ReturnType<typeof channelName>
    const end = (await lane.log.end()).page
    const stopMs = Math.min(work.untilMs, clock.nowMs() + BURST_MS_MAX)
    let { position, told } = claimed
    let frames = 0
    let sending: Sending = 'sent'
    while (position.page < end && sending === 'sent' && (frames === 0 || clock.nowMs() < stopMs)) {
      const { alerts, next } = await this.#gather(lane, claimed, position, end)
      if (alerts.length > 0) {
        sending = await this.#send(claimed, writeFrame(channel, told, next, alerts))
        if (sending === 'gone') {
          await this.subscriptions.forget(connectionId)
          return { frames, at: undefined }
        }
        if (sending !== 'sent') break
        told = next
        frames++
      }
      position = next
    }
    return this.#release(claimed, { position, told }, frames, sending)
  }

  async #release(
    claimed: Subscription,
    reached: Pick<Subscription, 'position' | 'told'>,
    frames: number,
    sending: Sending,
  ): Promise<Turn> {
    const nowMs = this.#ports.clock.nowMs()
    const framedMs = frames > 0 ? nowMs : claimed.framedMs
    const parkedMs = nowMs + PARKED_MS
    const parked = { lease: { owner: 'parked', readsMs: parkedMs, untilMs: parkedMs } }
    const change = { ...reached, framedMs, ...(sending === 'late' ? parked : {}) }
    const released = await this.subscriptions.replace(claimed, change)
    const left = sending !== 'sent'
    if (released !== undefined) return { frames, at: released, left }
    const found = await this.#again(claimed)
    const toldToReadAgain = found?.lease?.again && found.lease.untilMs === claimed.lease?.untilMs
    // Else it was taken over, begun anew or ended: it is someone else's now.
    if (found === undefined || !toldToReadAgain) return { frames, at: found, left: true }
    return { frames, at: await this.subscriptions.replace(found, change), again: true, left }
  }

  async #send({ channel, connectionId }: Subscription, frame: string): Promise<Sending> {
    const late = new AbortController()
    const timeout = this.#ports.clock.sleep(SEND_MS_MAX, late.signal).then(
      () => 'late' as const,
      () => 'late' as const,
    )
    try {
      return await Promise.race([this.#ports.publisher.send(connectionId, frame), timeout])
    } catch (error) {
      reportFailure({ channel, connectionId }, error)
      return 'failed'
    } finally {
      late.abort()
    }
  }

  async #gather(
    lane: Lane,
    { channel, where }: Subscription,
    from: Subscription['position'],
    endPage: number,
  ): Promise<Gathered> {
    const bytesMax = frameRoomBytes(this.#ports.publisher.maxFrameBytes, channel)
    const { kind } = alertChannel(channel) as AlertChannel
    const into =
      kind === 'alerts'
        ? eachAlert(bytesMax)
        : withoutSuppressed(byIncident(bytesMax, lane.windowMs), await lane.suppressed.test())
    return gather(lane.log, { from, endPage }, where, into)
  }

  async #reread(at: Subscription): Promise<Turn> {
    return { frames: 0, at: await this.#again(at) }
  }

  #again({ channel, connectionId }: Subscription): Promise<Subscription | undefined> {
    return this.subscriptions.get(channel, connectionId)
  }
}

/** A stream's log and the end up to which this process has seen every subscription served. */
interface Lane {
  readonly log: AlertLog
  readonly windowMs: number
  readonly suppressed: Suppressed
  levelTo: number
}

interface Served {
  readonly frames: number
  readonly level: boolean
}

/** What one attempt on a subscription came to. */
interface Turn {
  readonly frames: number
  /** The subscription as it stands; undefined where there is none any more. */
  readonly at: Subscription | undefined
  /** To be left to someone else, or to a later time. */
  readonly left?: boolean
  /** The log has to be read once more. */
  readonly again?: boolean
}

const LEFT: Turn = { frames: 0, at: undefined, left: true }

/** 'late': the client takes nothing. 'failed': the publisher could not, this time. */
type Sending = 'sent' | 'gone' | 'late' | 'failed'

function reportFailure(where: Pick<Subscription, 'channel' | 'connectionId'>, error: unknown): void {
  const { message, name } = error instanceof Error ? error : new Error(String(error))
  const { channel, connectionId } = where
  console.error(
    JSON.stringify({ level: 'error', stage: 'push', channel, connectionId, error: name, message }),
  )
}
