import { WebSocket } from 'ws'
import type { Clock } from '../../ports/clock.ts'
import { Inbox } from '../inbox.ts'
import type { InputSession, KnownSource, LiveBlock, LiveInput } from '../live-input.ts'

export interface WebSocketOptions {
  /** Its query string goes with every connection: `?wantedCollections=app.bsky.feed.post`. */
  readonly url: URL
  readonly clock: Clock
  /** The field of each message that says where it stands, a whole number, and the query parameter that asks for what follows. Default `time_us`, asked for by `cursor`. */
  readonly cursor?: string
  /** In [0, 1), for the jitter of reconnects. */
  readonly random?: () => number
}

const INBOX_BYTES_MAX = 8 * 1024 * 1024
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024
const BACKOFF_MS = 250
const BACKOFF_MAX_MS = 30_000
/** A server that says nothing for so long, not even to a ping, is gone. */
const SILENCE_MS_MAX = 30_000
/** Cursors less than this apart go to one partition: a tenth of a second of microseconds. */
const STRIDE = 100_000

/** How far the stream has been taken: messages up to the `nth` of those with this cursor. */
interface Taken {
  readonly cursor?: number
  readonly nth?: number
}

/**
 * Messages of a WebSocket server that can be asked to go on from a cursor, in the manner of Bluesky's Jetstream
 * (https://github.com/bluesky-social/jetstream): every message has a cursor, cursors never decrease, and a connection with
 * `?cursor=C` gives again what the server still has from C on. Connects again when the connection ends, always from
 * one before the last cursor taken, and passes over what it has had, so it is exact as long as the server has kept what came
 * meanwhile and gives messages of one cursor in the same order. A message without a cursor is taken each time it comes.
 */
export function webSocketInput(options: WebSocketOptions): LiveInput {
  return {
    name: options.url.href,
    read: (session) => messages(new Receiver(options, session), session),
  }
}

async function* messages(receiver: Receiver, session: InputSession): AsyncGenerator<LiveBlock, void> {
  const [known] = session.known
  const source = known?.source ?? (await session.create({}, {}))
  const from = takenBefore(known)
  let isFirst = from.cursor === undefined
  const receiving = receiver.run(from)
  try {
    for (;;) {
      await receiver.inbox.some()
      const block = receiver.inbox.take()
      if (block !== undefined) {
        // Before a record can land: a process killed now leaves its successor where to begin.
        if (isFirst) await session.describe(source, { from: block.position })
        isFirst = false
        const last = block.count - 1
        const resume = { cursor: block.positions?.[last], nth: block.nths?.[last] }
        yield { source, block, resume, stride: STRIDE }
      } else if (session.signal.aborted) return
    }
  } finally {
    receiver.stop()
    await receiving
  }
}

/** Where an earlier process was: at its last checkpoint, or before the first message it was given. */
function takenBefore(known: KnownSource | undefined): Taken {
  const resume = (known?.resume ?? {}) as Taken
  const { from } = (known?.detail ?? {}) as { readonly from?: number }
  if (resume.cursor !== undefined || from === undefined) return resume
  return { cursor: from - 1, nth: Number.MAX_SAFE_INTEGER }
}

/** Keeps a connection to the server and puts what is new into the inbox. */
class Receiver {
  readonly inbox = new Inbox(INBOX_BYTES_MAX)
  readonly #options: WebSocketOptions
  readonly #session: InputSession
  readonly #stopping = new AbortController()
  #taken: Taken = {}
  /** Of the connection in hand: the last message that came, new or not. */
  #seen: Taken = {}

  constructor(options: WebSocketOptions, session: InputSession) {
    this.#options = options
    this.#session = session
    session.signal.addEventListener('abort', () => this.stop(), { once: true })
    if (session.signal.aborted) this.stop()
  }

  stop(): void {
    this.#stopping.abort()
    this.inbox.wake()
  }

  /** Until it is stopped. */
  async run(from: Taken): Promise<void> {
    const { clock, random = Math.random } = this.#options
    const { signal } = this.#stopping
    this.#taken = from
    for (let failures = 0; !signal.aborted; failures++) {
      const before = this.#taken
      const why = await this.#connection()
      if (signal.aborted) return
      if (this.#taken !== before) failures = 0
      this.#session.notice(`${this.#options.url.href}: ${why}; connecting again`)
      const waitMs = random() * Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** Math.min(failures, 10))
      await clock.sleep(waitMs, signal).catch(() => undefined)
    }
  }

  /** One connection; resolves with why it ended. */
  #connection(): Promise<string> {
    this.#seen = {}
    const socket = new WebSocket(this.#address(), {
      maxPayload: MESSAGE_BYTES_MAX,
      handshakeTimeout: SILENCE_MS_MAX,
    })
    const end = () => socket.terminate()
    this.#stopping.signal.addEventListener('abort', end, { once: true })
    let heard = true
    const listening = setInterval(() => {
      if (!heard && !socket.isPaused) return socket.terminate()
      heard = false
      if (socket.readyState === WebSocket.OPEN) socket.ping()
    }, SILENCE_MS_MAX / 2)
    const hear = () => {
      heard = true
    }
    socket.on('pong', hear)
    socket.on('message', (data) => {
      hear()
      this.#receive(Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer))
      if (this.inbox.isFull && !socket.isPaused) this.#pause(socket)
    })
    return new Promise((resolve) => {
      let why = 'the connection ended'
      socket.on('error', (error) => {
        why = error.message
      })
      socket.on('close', () => {
        clearInterval(listening)
        this.#stopping.signal.removeEventListener('abort', end)
        resolve(why)
      })
    })
  }

  /** The server's own buffer is the only one that grows meanwhile. */
  #pause(socket: WebSocket): void {
    socket.pause()
    void this.inbox.room().then(() => socket.resume())
  }

  #address(): URL {
    const url = new URL(this.#options.url)
    // Whether a server means "from" or "after" a cursor, this has all messages of the last one given again.
    if (this.#taken.cursor !== undefined) url.searchParams.set('cursor', String(this.#taken.cursor - 1))
    return url
  }

  #receive(message: Buffer): void {
    const cursor = this.#cursorOf(message)
    if (cursor === undefined) {
      this.#receiveUncounted(message)
      return
    }
    const nth = cursor === this.#seen.cursor ? (this.#seen.nth ?? 0) + 1 : 0
    this.#seen = { cursor, nth }
    if (this.#hadBefore(cursor, nth)) return
    this.#taken = this.#seen
    this.inbox.add(message, cursor, nth)
  }

  #receiveUncounted(message: Buffer): void {
    const { cursor = 0, nth = -1 } = this.#taken
    this.#taken = { cursor, nth: nth + 1 }
    this.inbox.add(message, cursor, nth + 1)
  }

  #hadBefore(cursor: number, nth: number): boolean {
    const { cursor: last, nth: lastNth = 0 } = this.#taken
    return last !== undefined && (cursor < last || (cursor === last && nth <= lastNth))
  }

  #cursorOf(message: Buffer): number | undefined {
    try {
      const value: unknown = JSON.parse(message.toString())
      const field = this.#options.cursor ?? 'time_us'
      const cursor = typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined
      return Number.isSafeInteger(cursor) && cursor >= 0 ? cursor : undefined
    } catch {
      return undefined
    }
  }
}
