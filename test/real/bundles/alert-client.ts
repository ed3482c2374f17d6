import { WebSocket } from 'ws'
import { presignUrl } from '../../../lib/aws/http/sign.ts'
import type { ServerMessage } from '../../../lib/serve/dashboard-messages.ts'
import { comparePositions, readCursor } from '../../../lib/state/alert-cursor.ts'
import type { Alert } from '../../../lib/stream/alert.ts'
import { KEYS } from '../servers/connections.ts'

/** A client of the alerts of one stream that drops what it has had, as docs/asyncapi.yaml says. */
export class AlertClient {
  /** Everything that came, in order. */
  readonly messages: ServerMessage[] = []
  readonly alerts: Alert[] = []
  cursor: string | undefined
  /** Frames that did not go on from the one before: nothing of them is taken. */
  repeated = 0
  readonly #socket: WebSocket

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => this.#take(JSON.parse(String(data)) as ServerMessage))
  }

  /** Rejects where the connection is refused. `keys` sign the address, as a browser's page has it signed. */
  static async connect(url: string, keys = KEYS): Promise<AlertClient> {
    const { host, pathname } = new URL(url)
    const request = { method: 'GET', host, path: pathname, query: {} }
    const scope = { service: 'execute-api', region: 'us-east-1' }
    const signed = presignUrl(request, scope, keys, Date.now(), 300).replace(/^https:/, 'ws:')
    const socket = new WebSocket(signed)
    const client = new AlertClient(socket)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    return client
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message))
  }

  close(): void {
    this.#socket.close()
  }

  /** Listens to the alerts of the stream, from where this client is or from the start. */
  subscribe(since = this.cursor ?? 'start'): void {
    this.send({ action: 'subscribe', channel: 'alerts/network', since })
  }

  #take(message: ServerMessage): void {
    this.messages.push(message)
    if (!('alerts' in message)) return
    const at = this.cursor === undefined ? undefined : readCursor(this.cursor)
    const [begins, ends] = [readCursor(message.from), readCursor(message.cursor)]
    if (begins === undefined || ends === undefined) throw new Error(`bad cursors: ${message.from}`)
    if (at === undefined || comparePositions(at, begins) === 0) {
      this.alerts.push(...message.alerts)
      this.cursor = message.cursor
      return
    }
    this.repeated++
    // It repeats some, or leaves some out: what comes next is asked for.
    if (comparePositions(ends, at) > 0) this.subscribe()
  }
}
