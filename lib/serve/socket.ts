import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { beginInvocation, type Ports } from '../ports/ports.ts'
import { type AlertPosition, comparePositions, LOG_START, readCursor } from '../state/alert-cursor.ts'
import { alertChannel, type channelName, STATUS_CHANNEL, trendsStream } from './channel.ts'
import type { ErrorAnswer, ServerMessage } from './dashboard-messages.ts'
import { writeFrame } from './frames.ts'
import { clientMessage, type ErrorCode, type subscribeMessage } from './protocol.ts'
import type { Pump } from './push.ts'
import { beginningFrames } from './trends/subscribe.ts'

/** Event of an API Gateway WebSocket API, as much of it as Weir reads. */
export interface SocketEvent {
  readonly requestContext: {
    readonly connectionId: string
    /** `$connect`, `$disconnect`; anything else is a message. */
    readonly routeKey: string
  }
  readonly body?: string
  readonly isBase64Encoded?: boolean
}

export interface SocketContext {
  getRemainingTimeInMillis(): number
}

/** What API Gateway is told: 200, or a refusal of $connect. Answers to messages go over the connection itself. */
export interface SocketAnswer {
  readonly statusCode: number
}

export type SocketHandler = (event: SocketEvent, context: SocketContext) => Promise<SocketAnswer>

/** Channels one connection may listen to. */
const CHANNELS_MAX = 20
/** Kept of an invocation's time for the answer, and the longest that one subscription's past is sent in one go. */
const ANSWER_MS = 3_000
const BACKLOG_MS_MAX = 20_000
/** A subscription that is begun belongs to the function that begins it, which sends what is there first. */
const LEASE_MS = 5_000

const OK: SocketAnswer = { statusCode: 200 }

/**
 * The handler of the WebSocket: subscribe, unsubscribe, ping. What a client got wrong is answered on the connection; only
 * trouble of our own is thrown, after telling the client. `trending`: streams that have a channel of trends.
 */
export function socketHandler(
  ports: Ports,
  pump: Pump,
  trending: ReadonlySet<string> = new Set(),
): SocketHandler {
  return async (event, context) => {
    beginInvocation(ports, context)
    const { connectionId, routeKey } = event.requestContext
    if (routeKey === '$connect') return OK
    const session = new Session(ports, pump, trending, connectionId, context)
    if (routeKey === '$disconnect') await pump.subscriptions.forget(connectionId)
    else await session.receive(bodyOf(event))
    return OK
  }
}

function bodyOf({ body = '', isBase64Encoded }: SocketEvent): string {
  return isBase64Encoded === true ? Buffer.from(body, 'base64').toString() : body
}

/** A mistake of the client: told to it, and nothing else happens. */
class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: ErrorCode
  readonly channel: string | undefined

  constructor(code: ErrorCode, message: string, channel?: string) {
    super(message)
    this.code = code
    this.channel = channel
  }
}

/** One message of one connection. */
class Session {
  readonly #ports: Ports
  readonly #pump: Pump
  readonly #trending: ReadonlySet<string>
  readonly #connectionId: string
  readonly #context: SocketContext

  constructor(
    ports: Ports,
    pump: Pump,
    trending: ReadonlySet<string>,
    connectionId: string,
    context: SocketContext,
  ) {
    this.#ports = ports
    this.#pump = pump
    this.#trending = trending
    this.#connectionId = connectionId
    this.#context = context
  }

  async receive(body: string): Promise<void> {
    try {
      const message = parseMessage(body)
      if (message.action === 'subscribe') await this.#subscribe(message)
      else if (message.action === 'ping') await this.#ping()
      else await this.#pump.subscriptions.end(message.channel, this.#connectionId)
    } catch (error) {
      const refused = error instanceof Refusal
      const { code, channel } = refused ? error : { code: 'INTERNAL' as const, channel: undefined }
      const message = refused ? error.message : 'Weir failed here: try again'
      const answer: ErrorAnswer = { error: { code, message, ...(channel && { channel }) } }
      await this.#answer(answer)
      if (!refused) throw error
    }
  }

  async #subscribe({ channel, since, where }: z.output<typeof subscribeMessage>): Promise<void> {
    const { subscriptions } = this.#pump
    const connectionId = this.#connectionId
    const held = await subscriptions.channelsOf(connectionId)
    if (held.length >= CHANNELS_MAX && !held.includes(channel))
      throw new Refusal('TOO_MANY', `a connection may listen to ${CHANNELS_MAX} channels`, channel)
    if (channel === STATUS_CHANNEL) await subscriptions.begin({ channel, connectionId, position: LOG_START })
    else if (trendsStream(channel) !== undefined) await this.#subscribeToTrends(channel, since, where)
    else await this.#subscribeToAlerts(channel, since, where)
  }

  async #subscribeToTrends(channel: string, since?: string, where?: ParsedFilter): Promise<void> {
    const stream = trendsStream(channel) ?? ''
    if (!this.#trending.has(stream))
      throw new Refusal('NO_SUCH_CHANNEL', `${JSON.stringify(stream)} is no stream with trends`, channel)
    if (where !== undefined) throw new Refusal('BAD_MESSAGE', 'where is for alerts alone', channel)
    const connectionId = this.#connectionId
    // First: a slide that closes meanwhile is sent twice then, and not left out.
    await this.#pump.subscriptions.begin({ channel, connectionId, position: LOG_START })
    const frames = await beginningFrames(this.#ports, stream, since)
    if (frames === undefined)
      throw new Refusal('BAD_CURSOR', `${JSON.stringify(since)} is no cursor of trends`, channel)
    for (const frame of frames)
      if ((await this.#ports.publisher.send(connectionId, frame)) === 'gone')
        return this.#pump.subscriptions.forget(connectionId)
  }

  async #subscribeToAlerts(channel: string, since?: string, where?: ParsedFilter): Promise<void> {
    const connectionId = this.#connectionId
    const position = await this.#positionOf(channel, since)
    const nowMs = this.#ports.clock.nowMs()
    const owner = randomUUID()
    const lease = { owner, readsMs: nowMs, untilMs: nowMs + LEASE_MS }
    const filter = where === undefined ? {} : { where: withoutUndefined(where) }
    const { subscriptions } = this.#pump
    const begun = await subscriptions.begin({ channel, connectionId, position, lease, ...filter })
    const begins = writeFrame(channel as ReturnType<typeof channelName>, position, position, [])
    if ((await this.#ports.publisher.send(connectionId, begins)) === 'gone')
      return subscriptions.forget(connectionId)
    await this.#pump.serveBegun(begun, { owner, mine: [owner], untilMs: this.#untilMs() })
  }

  /** Where a subscription begins: behind what is there now, or where the client says it left off. */
  async #positionOf(channel: string, since: string | undefined): Promise<AlertPosition> {
    const stream = alertChannel(channel)?.stream ?? ''
    if (!this.#pump.has(stream))
      throw new Refusal('NO_SUCH_CHANNEL', `there is no stream ${JSON.stringify(stream)}`, channel)
    const end = { page: (await this.#pump.logOf(stream).end()).page, index: 0 }
    const asked = since === undefined ? undefined : readCursor(since)
    if (since === undefined) return end
    if (asked === undefined)
      throw new Refusal('BAD_CURSOR', `${JSON.stringify(since)} is no cursor of alerts`, channel)
    if (comparePositions(asked, end) <= 0) return asked
    throw new Refusal(
      'BAD_CURSOR',
      'the alert log ends before this cursor, so it is not of this log: subscribe with "start", or without since',
      channel,
    )
  }

  /** A ping also heals: what an interrupted sender left behind is sent now. */
  async #ping(): Promise<void> {
    await this.#answer({ pong: true })
    const owner = randomUUID()
    const work = { owner, mine: [owner], untilMs: this.#untilMs() }
    for (const subscription of await this.#pump.subscriptions.renew(this.#connectionId))
      await this.#pump.serve(subscription, work)
  }

  async #answer(message: ServerMessage): Promise<void> {
    await this.#ports.publisher.send(this.#connectionId, JSON.stringify(message))
  }

  #untilMs(): number {
    const remainingMs = this.#context.getRemainingTimeInMillis() - ANSWER_MS
    return this.#ports.clock.nowMs() + Math.min(remainingMs, BACKLOG_MS_MAX)
  }
}

function parseMessage(body: string): z.output<typeof clientMessage> {
  let fields: unknown
  try {
    fields = JSON.parse(body)
  } catch {
    throw new Refusal('BAD_MESSAGE', 'expected a JSON message with an action: subscribe, unsubscribe or ping')
  }
  const checked = clientMessage.safeParse(fields)
  if (checked.success) return checked.data
  const issue = checked.error.issues[0]
  const where = issue?.path.join('.') || 'message'
  throw new Refusal('BAD_MESSAGE', `${where}: ${issue?.message ?? 'not understood'}`)
}

type ParsedFilter = NonNullable<z.output<typeof subscribeMessage>['where']>

function withoutUndefined({ severity, group }: ParsedFilter) {
  return { ...(severity !== undefined && { severity }), ...(group !== undefined && { group }) }
}
