import type { AlertsMessage, ServerMessage } from '../../lib/serve/dashboard-messages.ts'
import { comparePositions, readCursor } from '../../lib/state/alert-cursor.ts'
import type { Alert, AlertFilter } from '../../lib/stream/alert.ts'
import { CONTEXT, type SimSite } from './sim-site.ts'

let connections = 0

/** A subscriber that keeps to the protocol as docs/asyncapi.yaml states it. */
export class SimClient {
  readonly taken: Alert[] = []
  readonly frames: { readonly atMs: number; readonly sizeBytes: number; readonly alerts: number }[] = []
  readonly errors: string[] = []
  /** Frames it was sent again, or that did not follow. */
  repeats = 0
  cursor: string | undefined
  connectionId = ''
  readonly #site: SimSite
  readonly #subscription: { channel: string; where?: AlertFilter }

  constructor(site: SimSite, subscription: { channel: string; where?: AlertFilter }, since?: string) {
    this.#site = site
    this.#subscription = subscription
    this.cursor = since
  }

  async connect(): Promise<void> {
    this.connectionId = `c${connections++}`
    const { connectionId } = this
    const { clients } = this.#site.world
    clients.set(connectionId, (frame) => {
      // What reaches a client after it went away reaches nobody.
      if (connectionId === this.connectionId) this.#receive(frame)
    })
    await this.#send('$connect')
    await this.#subscribe()
  }

  async disconnect(): Promise<void> {
    const { connectionId } = this
    this.#site.world.clients.delete(connectionId)
    this.connectionId = ''
    await this.#site.socket({ requestContext: { connectionId, routeKey: '$disconnect' } }, CONTEXT)
  }

  ping(): Promise<unknown> {
    return this.#send('$default', { action: 'ping' })
  }

  #subscribe(): Promise<unknown> {
    const since = this.cursor === undefined ? {} : { since: this.cursor }
    return this.#send('$default', { action: 'subscribe', ...this.#subscription, ...since })
  }

  #send(routeKey: string, message?: unknown): Promise<unknown> {
    const { connectionId } = this
    const body = message === undefined ? {} : { body: JSON.stringify(message) }
    return this.#site.socket({ requestContext: { connectionId, routeKey }, ...body }, CONTEXT)
  }

  #receive(text: string): void {
    const message = JSON.parse(text) as ServerMessage
    if ('error' in message) this.errors.push(message.error.code)
    if (!('alerts' in message)) return
    const sizeBytes = Buffer.byteLength(text)
    if (message.alerts.length > 0)
      this.frames.push({ atMs: this.#site.sim.nowMs(), sizeBytes, alerts: message.alerts.length })
    this.#take(message)
  }

  #take({ from, cursor, alerts }: AlertsMessage): void {
    const at = this.cursor === undefined ? undefined : readCursor(this.cursor)
    const [begins, ends] = [readCursor(from), readCursor(cursor)]
    if (begins === undefined || ends === undefined) throw new Error(`bad cursors: ${from} ${cursor}`)
    if (comparePositions(begins, ends) > 0) throw new Error(`a frame from ${from} back to ${cursor}`)
    if (at === undefined || comparePositions(at, begins) === 0) {
      this.taken.push(...alerts)
      this.cursor = cursor
      return
    }
    this.repeats++
    if (comparePositions(ends, at) > 0) void this.#subscribe()
  }
}
