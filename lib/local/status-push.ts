import type { Publisher } from '../ports/publisher.ts'
import type { Status, StatusMessage } from '../serve/dashboard-messages.ts'
import { errorFrame } from './error-frame.ts'
import { messageOf } from './trouble.ts'

export interface StatusPushOptions {
  readonly read: () => Promise<Status>
  readonly publisher: Pick<Publisher, 'send'>
  readonly onTrouble: (message: string) => void
}

const EVERY_MS = 1_000

/** The channel `status`: a reading a second, pushed to the connections that asked for it. */
export class StatusPush {
  readonly #options: StatusPushOptions
  readonly #clients = new Set<string>()
  #latest: Promise<Status> | undefined
  #number = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: StatusPushOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => void this.push(), EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** One reading serves all who ask within a second. */
  status(): Promise<Status> {
    this.#latest ??= this.#options.read()
    return this.#latest
  }

  /** Sends the status at once and from then on. Where it cannot be read now, says so and sends it once it can. */
  async subscribe(connectionId: string): Promise<void> {
    this.#clients.add(connectionId)
    try {
      await this.#send(connectionId, this.#frame(await this.status()))
    } catch (error) {
      this.#trouble(error)
      const frame = errorFrame('INTERNAL', 'the status cannot be read: see the terminal', 'status')
      await this.#send(connectionId, frame).catch(() => undefined)
    }
  }

  unsubscribe(connectionId: string): void {
    this.#clients.delete(connectionId)
  }

  /** Reads anew, and sends to all who asked. Never rejects. */
  async push(): Promise<void> {
    this.#latest = undefined
    try {
      // Read with nobody watching too: rates need a reading a second.
      const status = await this.status()
      if (this.#clients.size === 0) return
      this.#number++
      const frame = this.#frame(status)
      await Promise.all([...this.#clients].map((id) => this.#send(id, frame)))
    } catch (error) {
      this.#trouble(error)
    }
  }

  #frame(status: Status): string {
    const message: StatusMessage = { channel: 'status', cursor: String(this.#number), status }
    return JSON.stringify(message)
  }

  async #send(connectionId: string, frame: string): Promise<void> {
    await this.#options.publisher.send(connectionId, frame)
  }

  #trouble(error: unknown): void {
    this.#options.onTrouble(`status: ${messageOf(error)}`)
  }
}
