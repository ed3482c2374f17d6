import type { Channel, Part, Status, StreamSummary } from '../../../lib/serve/dashboard-messages.ts'
import { type ConnectionState, type MessageOf, WeirClient } from '../client/weir-client.ts'
import { ApiError, api } from './api.ts'
import { Feed } from './feed.ts'
import { type History, remember, usualInFlight } from './history.ts'
import { killed, type Outage, observe } from './outages.ts'
import { Store } from './store.ts'

/** Everything the page knows except alerts, which arrive faster and have their own store. */
export interface PageState {
  readonly phase: 'loading' | 'ready' | 'unreachable'
  readonly problem?: { readonly message: string; readonly answered: boolean }
  readonly streams: readonly StreamSummary[]
  /** Name of the stream shown; empty until the streams are known. */
  readonly stream: string
  readonly status?: Status
  readonly connection: ConnectionState
  /** Since when no status has come although one should, by the page's clock. */
  readonly lostMs?: number
  readonly history: History
  readonly outages: readonly Outage[]
  readonly refused?: string
}

const RETRY_MS = 3_000
const ALERTS_AT_START = 200

/** The page's one session with Weir: loads, connects, and keeps the stores up to date. */
export class Session {
  readonly state = new Store<PageState>({
    phase: 'loading',
    streams: [],
    stream: '',
    connection: { kind: 'connecting', attempt: 0 },
    history: {},
    outages: [],
  })
  readonly feed = new Feed()
  #client: WeirClient | undefined
  #stopAlerts: (() => void) | undefined
  #retry: ReturnType<typeof setTimeout> | undefined

  /** Loads what the page needs to begin, again and again until Weir answers. */
  async start(): Promise<void> {
    clearTimeout(this.#retry)
    try {
      const [streams, status] = await Promise.all([api.streams(), api.status()])
      this.state.update(({ problem: _, ...state }) => ({ ...state, phase: 'ready', streams }))
      this.#receiveStatus(status)
      this.#connect()
      this.select(streamOfHash(location.hash) ?? '')
    } catch (error) {
      this.state.update((state) => ({ ...state, phase: 'unreachable', problem: problemOf(error) }))
      this.#retry = setTimeout(() => void this.start(), RETRY_MS)
    }
  }

  /** Listens to a channel of the connection until the returned function is called. */
  follow<C extends Channel>(channel: C, listener: (message: MessageOf<C>) => void): () => void {
    return this.#client?.subscribe(channel, {}, listener) ?? (() => undefined)
  }

  /** Shows another stream; an unknown name means the first. */
  select(name: string): void {
    const { streams, stream: current } = this.state.get()
    const stream = (streams.find((known) => known.name === name) ?? streams[0])?.name ?? ''
    if (stream === current) return
    this.state.update((state) => ({ ...state, stream }))
    if (streamOfHash(location.hash) !== stream && streams.length > 1)
      history.replaceState(null, '', `#/${stream}`)
    void this.#followAlerts(stream)
  }

  retryNow(): void {
    if (this.state.get().phase === 'ready') this.#client?.retryNow()
    else void this.start()
  }

  async kill(part: Part): Promise<void> {
    await api.kill(part.id)
    this.state.update((state) => {
      const usual = usualInFlight(state.history)
      return { ...state, outages: killed(state.outages, part, usual, Date.now()) }
    })
  }

  dismissRefusal(): void {
    this.state.update(({ refused: _, ...state }) => state)
  }

  #connect(): void {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
    this.#client = new WeirClient({
      url: `${scheme}://${location.host}/ws`,
      onState: (connection) => this.#connectionChanged(connection),
      onRefused: ({ message }) => this.state.update((state) => ({ ...state, refused: message })),
    })
    this.#client.subscribe('status', {}, ({ status }) => this.#receiveStatus(status))
    addEventListener('online', () => this.#client?.retryNow())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#client?.retryNow()
    })
  }

  #connectionChanged(connection: ConnectionState): void {
    this.state.update((state) => {
      if (connection.kind === 'open') return { ...state, connection }
      return { ...state, connection, lostMs: state.lostMs ?? Date.now() }
    })
  }

  #receiveStatus(status: Status): void {
    this.state.update(({ lostMs: _, ...state }) => ({
      ...state,
      status,
      history: remember(state.history, status),
      outages: observe(state.outages, state.status, status, usualInFlight(state.history), Date.now()),
    }))
  }

  async #followAlerts(stream: string): Promise<void> {
    this.#stopAlerts?.()
    this.feed.reset()
    let since: string | undefined
    try {
      const { alerts, cursor } = await api.alerts(stream, ALERTS_AT_START)
      if (this.state.get().stream !== stream) return
      this.feed.load(alerts, cursor)
      since = cursor
    } catch (error) {
      if (this.state.get().stream !== stream) return
      this.feed.fail(problemOf(error).message)
    }
    const options = since === undefined ? {} : { since }
    this.#stopAlerts = this.#client?.subscribe(`incidents/${stream}`, options, ({ alerts, cursor }) =>
      this.feed.receive(alerts, cursor),
    )
  }
}

/** The stream that a link such as `#/posts` names; undefined for a link within the page. */
export function streamOfHash(hash: string): string | undefined {
  return /^#\/(.+)$/.exec(hash)?.[1]
}

function problemOf(error: unknown): { readonly message: string; readonly answered: boolean } {
  if (error instanceof ApiError) return error
  return { message: 'Weir answered something this page does not understand.', answered: true }
}
