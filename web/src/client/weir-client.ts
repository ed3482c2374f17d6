import type {
  AlertsMessage,
  Channel,
  ClientMessage,
  ErrorAnswer,
  ServerMessage,
  StatusMessage,
  TrendsMessage,
} from '../../../lib/serve/dashboard-messages.ts'
import type { AlertFilter } from '../../../lib/stream/alert.ts'
import { backoffMs } from './backoff.ts'
import { SeenCursors } from './seen-cursors.ts'

/** What the client needs of a WebSocket: the browser's, Node's and `ws` all have it. */
export interface Socket {
  readonly readyState: number
  send(text: string): void
  close(): void
  addEventListener(type: 'open' | 'close' | 'error', listener: () => void): void
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void
}

export type ConnectionState =
  | { readonly kind: 'connecting'; readonly attempt: number }
  | { readonly kind: 'open' }
  /** Lost, or never there: the next attempt starts in `delayMs`. */
  | { readonly kind: 'waiting'; readonly attempt: number; readonly delayMs: number }
  | { readonly kind: 'closed' }

export interface WeirClientOptions {
  /** `ws://host/ws` or `wss://...`, with a token in its query where the site asks for one. */
  readonly url: string
  readonly onState?: (state: ConnectionState) => void
  /** An action that Weir refused. */
  readonly onRefused?: (error: ErrorAnswer['error']) => void
  /** For tests, and for clients whose platform has no global WebSocket. */
  readonly createSocket?: (url: string) => Socket
  readonly random?: () => number
  /** Without a frame for this long, ask for one; without an answer as long again, reconnect. Default 15,000. */
  readonly silenceMs?: number
  readonly firstDelayMs?: number
}

type Pushed = AlertsMessage | TrendsMessage | StatusMessage
/** The messages of one channel. */
export type MessageOf<C extends Channel> = C extends 'status'
  ? StatusMessage
  : C extends `trends/${string}`
    ? TrendsMessage
    : AlertsMessage

interface Subscription {
  readonly where: AlertFilter | undefined
  readonly listener: (message: Pushed) => void
  readonly seen: SeenCursors
  /** Where the listener is. Undefined: from now on. */
  cursor: string | undefined
  /** The next frame says where the subscription begins: the first of a connection. */
  begins: boolean
  /** When frames were last asked for again because one did not follow on the last. */
  askedAgainMs: number
}

const OPEN = 1
/** Frames that do not follow come in a row: one request brings what is missing. */
const ASK_AGAIN_MS = 2_000

/**
 * A connection to Weir that looks after itself: it reconnects with growing pauses, subscribes again from the last
 * cursor of each channel, drops frames it has seen and asks again where one is missing. A listener thus sees every message of its channel once, in
 * order, for as long as Weir still holds what lies behind the cursor.
 */
export class WeirClient {
  readonly #options: WeirClientOptions
  readonly #subscriptions = new Map<Channel, Subscription>()
  #socket: Socket | undefined
  #attempt = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #watch: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(options: WeirClientOptions) {
    this.#options = options
    this.#connect()
  }

  /**
   * Listens to a channel, from after `since` or from now on. Returns the function that ends it. A channel has one
   * listener: throws where it already has one.
   */
  subscribe<C extends Channel>(
    channel: C,
    options: { readonly since?: string; readonly where?: AlertFilter },
    listener: (message: MessageOf<C>) => void,
  ): () => void {
    if (this.#subscriptions.has(channel)) throw new Error(`already subscribed to ${channel}`)
    const subscription: Subscription = {
      where: options.where,
      // A frame is handed to the listener of the channel it names.
      listener: listener as (message: Pushed) => void,
      seen: new SeenCursors(),
      cursor: options.since,
      begins: true,
      askedAgainMs: 0,
    }
    this.#subscriptions.set(channel, subscription)
    this.#sendSubscribe(channel, subscription)
    return () => {
      if (this.#subscriptions.get(channel) !== subscription) return
      this.#subscriptions.delete(channel)
      this.#send({ action: 'unsubscribe', channel })
    }
  }

  /** Connects now instead of at the end of the pause. */
  retryNow(): void {
    if (this.#closed || this.#socket !== undefined) return
    clearTimeout(this.#retry)
    this.#connect()
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#retry)
    this.#drop()
    this.#options.onState?.({ kind: 'closed' })
  }

  #connect(): void {
    this.#options.onState?.({ kind: 'connecting', attempt: this.#attempt })
    const create = this.#options.createSocket ?? ((url: string): Socket => new WebSocket(url))
    let socket: Socket
    try {
      socket = create(this.#options.url)
    } catch {
      this.#pause()
      return
    }
    this.#socket = socket
    const current = () => socket === this.#socket
    socket.addEventListener('open', () => current() && this.#opened())
    socket.addEventListener('message', ({ data }) => current() && this.#received(data))
    socket.addEventListener('close', () => current() && this.#lost())
    socket.addEventListener('error', () => current() && this.#lost())
    this.#watchSilence()
  }

  #opened(): void {
    for (const [channel, subscription] of this.#subscriptions) {
      subscription.begins = true
      this.#sendSubscribe(channel, subscription)
    }
    this.#options.onState?.({ kind: 'open' })
    this.#watchSilence()
  }

  #received(data: unknown): void {
    this.#watchSilence()
    const message = parse(data)
    if (message === undefined) return
    // Only what answers is well: a server that accepts and hangs up at once must not be asked at full speed.
    this.#attempt = 0
    if ('error' in message) {
      this.#options.onRefused?.(message.error)
      return
    }
    if (!('channel' in message)) return
    const subscription = this.#subscriptions.get(message.channel)
    if (subscription !== undefined && this.#follows(subscription, message)) {
      subscription.cursor = message.cursor
      subscription.listener(message)
    }
  }

  /** Whether the listener has yet to see this frame, and has seen all before it. */
  #follows(subscription: Subscription, message: Pushed): boolean {
    if (message.channel === 'status') return subscription.seen.add(message.cursor)
    const { cursor } = subscription
    if ('slides' in message) return this.#followsSlides(subscription, message)
    if (subscription.begins || cursor === undefined || message.from === cursor) {
      subscription.begins = false
      // An empty frame says where the listener is, also where it has been before.
      return subscription.seen.add(message.cursor) || message.alerts.length === 0
    }
    if (message.cursor === cursor || subscription.seen.has(message.cursor)) return false
    this.#askAgain(message.channel, subscription)
    return false
  }

  /** Of trends a cursor is a time, so that one can be told from a later one. */
  #followsSlides(subscription: Subscription, { channel, from, cursor }: TrendsMessage): boolean {
    const at = subscription.cursor
    if (at === undefined || from === at) return true
    if (Number(cursor) > Number(at)) this.#askAgain(channel, subscription)
    return false
  }

  #askAgain(channel: Channel, subscription: Subscription): void {
    const nowMs = Date.now()
    if (nowMs - subscription.askedAgainMs <= ASK_AGAIN_MS) return
    subscription.askedAgainMs = nowMs
    this.#sendSubscribe(channel, subscription)
  }

  #lost(): void {
    this.#drop()
    this.#pause()
  }

  #pause(): void {
    const random = (this.#options.random ?? Math.random)()
    const delayMs = backoffMs(this.#attempt, random, this.#options.firstDelayMs)
    this.#attempt++
    this.#options.onState?.({ kind: 'waiting', attempt: this.#attempt, delayMs })
    this.#retry = setTimeout(() => this.#connect(), delayMs)
  }

  #drop(): void {
    clearTimeout(this.#watch)
    const socket = this.#socket
    this.#socket = undefined
    socket?.close()
  }

  /** A connection can die without a close frame; one that says nothing is asked, then given up. */
  #watchSilence(): void {
    clearTimeout(this.#watch)
    const silenceMs = this.#options.silenceMs ?? 15_000
    this.#watch = setTimeout(() => {
      this.#send({ action: 'ping' })
      this.#watch = setTimeout(() => this.#lost(), silenceMs)
    }, silenceMs)
  }

  #sendSubscribe(channel: Channel, { cursor, where }: Subscription): void {
    // A status is whole in each message: an old one is of no use.
    const since = channel === 'status' ? undefined : cursor
    this.#send({
      action: 'subscribe',
      channel,
      ...(since === undefined ? {} : { since }),
      ...(where === undefined ? {} : { where }),
    })
  }

  #send(message: ClientMessage): void {
    if (this.#socket?.readyState === OPEN) this.#socket.send(JSON.stringify(message))
  }
}

function parse(data: unknown): ServerMessage | undefined {
  if (typeof data !== 'string') return undefined
  try {
    const message: unknown = JSON.parse(data)
    return typeof message === 'object' && message !== null ? (message as ServerMessage) : undefined
  } catch {
    return undefined
  }
}
