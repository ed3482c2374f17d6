import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import { type WebSocket, WebSocketServer } from 'ws'
import type {
  Alert,
  ClientMessage,
  KillRequest,
  NormalRequest,
  QueryRow,
  Status,
} from '../../lib/serve/dashboard-messages.ts'
import { mergeAlerts } from '../../web/src/client/incidents.ts'
import type { FixturePages } from './fixture-pages.ts'
import { FixtureSite, type SiteOptions } from './fixture-site.ts'

export interface FixtureOptions extends SiteOptions {
  /** Folder of the built page. */
  readonly dist: string
  readonly port?: number
  /** Milliseconds between two frames of alerts. Weir's own is 1,000; a storm is 33. */
  readonly frameMs?: number
  /** The streams besides `network`. */
  readonly pages?: FixturePages
  /** Milliseconds before an HTTP answer. */
  readonly answerMs?: number
}

/** What is told to a test: how the server should misbehave. */
export interface Faults {
  /** Paths answered with 500. */
  failing: readonly string[]
  /** New WebSocket connections are closed at once. */
  refusing: boolean
}

interface Connection {
  readonly socket: WebSocket
  /** Index of the next alert, by channel. */
  readonly positions: Map<string, number>
  status: boolean
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}
const ALERTS_A_FRAME = 200

/** Serves the built page and plays a FixtureSite to it over HTTP and WebSocket. */
export class FixtureServer {
  readonly site: FixtureSite
  readonly faults: Faults = { failing: [], refusing: false }
  readonly subscribed: ClientMessage[] = []
  /** What was done about incidents. */
  readonly posted: { readonly pathname: string; readonly body: unknown }[] = []
  readonly #options: FixtureOptions
  readonly #http: Server
  readonly #connections = new Set<Connection>()
  readonly #pages: FixturePages | undefined
  readonly #timers: NodeJS.Timeout[]

  private constructor(options: FixtureOptions) {
    this.#options = options
    this.site = new FixtureSite(options, Date.now())
    this.#pages = options.pages
    this.#http = createServer((request, response) => void this.#answer(request, response))
    const sockets = new WebSocketServer({ server: this.#http, path: '/ws' })
    sockets.on('connection', (socket) => this.#connected(socket))
    this.#timers = [
      setInterval(() => this.site.advance(Date.now()), 100),
      setInterval(() => this.#pushStatus(), 1_000),
      setInterval(() => this.#pushAlerts(), options.frameMs ?? 1_000),
    ]
  }

  static async start(options: FixtureOptions): Promise<FixtureServer> {
    const server = new FixtureServer(options)
    await new Promise<void>((resolve) => server.#http.listen(options.port ?? 0, '127.0.0.1', resolve))
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  /** Cuts every WebSocket without a close frame, as a network does. */
  cut(): void {
    for (const { socket } of this.#connections) socket.terminate()
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.cut()
    this.#http.closeAllConnections()
    await new Promise((resolve) => this.#http.close(resolve))
  }

  #connected(socket: WebSocket): void {
    if (this.faults.refusing) {
      socket.terminate()
      return
    }
    const connection: Connection = { socket, positions: new Map(), status: false }
    this.#connections.add(connection)
    this.site.clients = this.#connections.size
    socket.on('close', () => {
      this.#connections.delete(connection)
      this.site.clients = this.#connections.size
    })
    socket.on('message', (data) => this.#received(connection, JSON.parse(String(data)) as ClientMessage))
  }

  #received(connection: Connection, message: ClientMessage): void {
    this.subscribed.push(message)
    if (message.action === 'ping') connection.socket.send(JSON.stringify({ pong: true }))
    if (message.action !== 'subscribe') return
    if (message.channel === 'status') {
      connection.status = true
      return
    }
    if (message.channel.startsWith('trends/')) {
      const slides = this.#pages?.slides.slice(-1) ?? []
      const cursor = String(slides[0]?.to ?? 0)
      connection.socket.send(JSON.stringify({ channel: message.channel, from: '0', cursor, slides }))
      return
    }
    if (message.channel !== 'incidents/network') {
      connection.socket.send(JSON.stringify({ channel: message.channel, from: '0', cursor: '0', alerts: [] }))
      return
    }
    const at = message.since === undefined ? this.site.alerts.length : Number(message.since)
    connection.positions.set(message.channel, at)
    const cursor = String(at)
    connection.socket.send(JSON.stringify({ channel: message.channel, from: cursor, cursor, alerts: [] }))
  }

  #pushStatus(): void {
    const status = this.#status()
    const text = JSON.stringify({ channel: 'status', cursor: String(status.nowMs), status })
    for (const { socket, status: wanted } of this.#connections) if (wanted) socket.send(text)
  }

  #pushAlerts(): void {
    for (const { socket, positions } of this.#connections) {
      for (const [channel, from] of positions) {
        const alerts = this.site.alerts.slice(from, from + ALERTS_A_FRAME)
        if (alerts.length === 0) continue
        const to = from + alerts.length
        positions.set(channel, to)
        const frame = { channel, from: String(from), cursor: String(to), alerts: incidents(alerts) }
        socket.send(JSON.stringify(frame))
      }
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.url)
    if (!url.pathname.startsWith('/api/')) return this.#file(url.pathname, response)
    await new Promise((resolve) => setTimeout(resolve, this.#options.answerMs ?? 0))
    if (this.faults.failing.includes(url.pathname))
      return send(response, 500, { error: { code: 'INTERNAL', message: 'The state store is locked.' } })
    const body = await this.#api(url, request)
    if (body === undefined)
      return send(response, 404, { error: { code: 'NOT_FOUND', message: `No ${url.pathname} here.` } })
    send(response, request.method === 'POST' ? 202 : 200, body)
  }

  async #api({ pathname, searchParams }: URL, request: IncomingMessage): Promise<unknown> {
    switch (pathname) {
      case '/api/streams':
        return [...this.site.streams, ...(this.#pages?.streams ?? [])]
      case '/api/status':
        return this.#status()
      case '/api/query': {
        const view = searchParams.get('view') ?? ''
        const fromMs = Number(searchParams.get('from') ?? 0)
        const toMs = Number(searchParams.get('to') ?? Number.MAX_SAFE_INTEGER)
        const [stream = '', name = ''] = view.split('.')
        const rows = this.#pages?.rows(stream, name, fromMs, toMs) ?? this.site.rows(name, fromMs, toMs)
        const asked = keyed(rows, searchParams.get('key'))
        const bySlot = searchParams.get('bySlot') === 'true'
        return {
          view,
          rows: bySlot ? asked : merged(asked),
          horizon: this.#pages?.horizonMs ?? 0,
          asOf: Date.now(),
        }
      }
      case '/api/templates':
        return this.#pages?.templates
      case '/api/templates/normal': {
        const { templateId, undo } = (await bodyOf(request)) as NormalRequest
        return this.#pages?.callNormal(templateId, undo === true)
      }
      case '/api/incidents':
      case '/api/suppress':
        this.posted.push({ pathname, body: await bodyOf(request) })
        return { mark: null }
      case '/api/trends':
        return { stream: 'posts', slides: this.#pages?.slides ?? [] }
      case '/api/alerts':
        if (this.#pages?.has(searchParams.get('stream')) === true)
          return { alerts: this.#pages.alerts(searchParams.get('stream') ?? ''), cursor: '0' }
        return { alerts: incidents(this.site.alerts), cursor: String(this.site.alerts.length) }
      case '/api/dead-letters':
        return { deadLetters: this.site.deadLetters }
      case '/api/kill': {
        return this.site.kill(((await bodyOf(request)) as KillRequest).part) ? {} : undefined
      }
      default:
        return undefined
    }
  }

  #status(): Status {
    const status = this.site.status()
    const pages = this.#pages
    return pages === undefined ? status : { ...status, streams: [...status.streams, ...pages.statuses] }
  }

  async #file(path: string, response: ServerResponse): Promise<void> {
    const name = normalize(path === '/' ? '/index.html' : path)
    try {
      const bytes = await readFile(join(this.#options.dist, name))
      response
        .writeHead(200, { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' })
        .end(bytes)
    } catch {
      response.writeHead(404).end()
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  return JSON.parse(text)
}

function keyed(rows: readonly QueryRow[], key: string | null): readonly QueryRow[] {
  return key === null ? rows : rows.filter((row) => row.key === key)
}

/** One row a key: counts and sums add up, of a mean the last stands for all. */
function merged(rows: readonly QueryRow[]): readonly QueryRow[] {
  const byKey = new Map<string, Record<string, unknown> & QueryRow>()
  for (const row of rows) {
    const known = byKey.get(row.key)
    if (known === undefined) {
      byKey.set(row.key, { ...row })
      continue
    }
    const from = Math.min(Number(known.from), Number(row.from))
    const to = Math.max(Number(known.to), Number(row.to))
    const sums = Object.entries(row).filter(
      ([name, value]) => typeof value === 'number' && !/^(from|to)$/.test(name),
    )
    const added = sums.map(([name, value]) => [
      name,
      Math.round((Number(known[name]) + Number(value)) * 100) / 100,
    ])
    byKey.set(row.key, { ...known, ...Object.fromEntries(added), from, to })
  }
  return [...byKey.values()]
}

function incidents(alerts: readonly Alert[]): readonly Alert[] {
  const byId = new Map<string, Alert>()
  for (const alert of alerts) {
    const known = byId.get(alert.id)
    byId.set(alert.id, known === undefined ? alert : mergeAlerts(known, alert))
  }
  return [...byId.values()]
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}
