import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Ports } from '../ports/ports.ts'
import type { Part, Status, StatusMessage } from '../serve/dashboard-messages.ts'
import type { Stream } from '../stream/define.ts'
import { devRoutes, type Running } from './dev-routes.ts'
import { HttpError, httpServer, requireSameSite } from './http-api.ts'
import { Pipeline } from './pipeline.ts'
import type { ServerEnv } from './servers.ts'
import { SocketFunction } from './socket-function.ts'
import { StreamWatch } from './status.ts'
import { WorkerProcess } from './worker-process.ts'
import { WsPublisher } from './ws-publisher.ts'

export interface DevServerOptions {
  readonly data: string
  readonly site: string
  readonly port: number
  readonly streams: readonly Stream[]
  /** What is not embedded but on servers, from `serverEnv`. */
  readonly servers?: ServerEnv
  readonly demo: boolean
  readonly onTrouble: (message: string) => void
}

/** A source that feeds the log while the server runs, as the dashboard shows it. */
export interface RunningSource {
  readonly id: string
  readonly name: string
  readonly detail: string
}

const STATUS_EVERY_MS = 1_000
const FRAME_EVERY_MS = 25
const DRAIN_MS_MAX = 3_000

/** Everything on this machine: the pipeline, the HTTP API, the WebSocket endpoint and the dashboard on one port. */
export class DevServer implements Running {
  readonly pipeline: Pipeline
  readonly ports: Ports
  readonly streams: ReadonlyMap<string, Stream>
  readonly url: string
  readonly #options: DevServerOptions
  readonly #http: Server
  readonly #publisher: WsPublisher
  readonly #socket: WorkerProcess
  readonly #function: SocketFunction
  readonly #startedMs = Date.now()
  readonly #watches: readonly StreamWatch[]
  readonly #statusClients = new Set<string>()
  readonly #connections = new Set<string>()
  readonly #sources = new Map<string, RunningSource>()
  #status: Promise<Status> | undefined
  #statusNumber = 0
  #timer: NodeJS.Timeout | undefined

  private constructor(options: DevServerOptions, pipeline: Pipeline, wiring: Wiring, url: string) {
    this.#options = options
    this.pipeline = pipeline
    this.ports = pipeline.ports
    this.streams = new Map(pipeline.streams.map(({ stream }) => [stream.name, stream]))
    this.#http = wiring.http
    this.#publisher = wiring.publisher
    this.#socket = wiring.socket
    this.#function = new SocketFunction(wiring.socket)
    this.url = url
    this.#watches = pipeline.streams.map(({ stream }) => new StreamWatch(pipeline.ports, stream))
  }

  static async start(options: DevServerOptions): Promise<DevServer> {
    let server: DevServer | undefined
    const started = () => {
      if (server === undefined) throw new HttpError(503, 'STARTING', 'Weir is starting')
      return server
    }
    const http = httpServer(devRoutes(started))
    const publisher = WsPublisher.attach(http, {
      onConnect: (connectionId, request) => {
        requireSameSite(request)
        return started().#connected(connectionId)
      },
      onMessage: (connectionId, text) => void started().#message(connectionId, text),
      onDisconnect: (connectionId) => void started().#disconnected(connectionId),
    })
    const pipeline = await Pipeline.open({
      data: options.data,
      site: options.site,
      streams: options.streams,
      servers: options.servers ?? {},
      onTrouble: options.onTrouble,
      publisher,
      env: { WEIR_FRAME_INTERVAL_MS: String(FRAME_EVERY_MS) },
      onDelivery: (stream, { mapping, error }) => {
        if (error !== undefined) options.onTrouble(`${stream} ${mapping}: ${error}; the batch comes again`)
      },
    })
    try {
      await listen(http, options.port)
    } catch (error) {
      await pipeline.stop()
      throw error
    }
    const socket = new WorkerProcess({
      id: 'socket-0',
      functionName: 'socket',
      env: pipeline.workerEnv,
      timeoutMs: 30_000,
    })
    const { port } = http.address() as AddressInfo
    server = new DevServer(options, pipeline, { http, publisher, socket }, `http://localhost:${port}`)
    server.#start()
    return server
  }

  /** Shows a source among the parts until the returned function is called. */
  showSource(source: RunningSource): () => void {
    this.#sources.set(source.id, source)
    return () => void this.#sources.delete(source.id)
  }

  /** Ends, once what is in flight has been taken in or DRAIN_MS_MAX is over: the rest comes at the next start. */
  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#publisher.close()
    this.#http.closeAllConnections()
    this.#http.close()
    await this.#socket.stop()
    const soon = AbortSignal.timeout(DRAIN_MS_MAX)
    const drained = this.pipeline.streams.map(({ stream }) => this.pipeline.drained(stream.name, soon))
    await Promise.allSettled(drained)
    await this.pipeline.stop()
  }

  #start(): void {
    this.pipeline.start()
    void this.#socket.start().catch((error: unknown) => this.#options.onTrouble(String(error)))
    this.#timer = setInterval(() => void this.#pushStatus(), STATUS_EVERY_MS)
  }

  /** One reading serves all who ask within a second. */
  status(): Promise<Status> {
    this.#status ??= this.#readStatus()
    return this.#status
  }

  async #readStatus(): Promise<Status> {
    const streams = await Promise.all(this.#watches.map((watch) => watch.read()))
    const { site, demo } = this.#options
    const clients = this.#connections.size
    return {
      site,
      demo,
      startedMs: this.#startedMs,
      nowMs: Date.now(),
      streams,
      parts: this.#parts(),
      clients,
    }
  }

  async #pushStatus(): Promise<void> {
    this.#status = undefined
    // Read with nobody watching too: rates need a reading a second.
    const status = await this.status().catch(() => undefined)
    if (status === undefined || this.#statusClients.size === 0) return
    const message: StatusMessage = { channel: 'status', cursor: String(++this.#statusNumber), status }
    const frame = JSON.stringify(message)
    for (const id of this.#statusClients) void this.#publisher.send(id, frame).catch(() => undefined)
  }

  #parts(): readonly Part[] {
    const up = { state: 'up', restarts: 0, killable: false } as const
    const workers = this.pipeline.streams.flatMap((one) => one.workers)
    const servers = this.#options.servers ?? {}
    const keyed = servers.WEIR_DYNAMODB_ENDPOINT ?? 'SQLite'
    const objects = servers.WEIR_S3_ENDPOINT ?? 'folder'
    return [
      ...[...this.#sources.values()].map((source): Part => ({ ...source, ...up, kind: 'source' })),
      {
        id: 'log',
        kind: 'log',
        name: 'Event log',
        detail: servers.WEIR_BROKERS ? `Kafka, ${servers.WEIR_BROKERS}` : 'files, fsync every second',
        pid: process.pid,
        ...up,
      },
      ...[...workers, this.#socket].map(workerPart),
      { id: 'state', kind: 'store', name: 'Keyed store', detail: keyed, ...up },
      { id: 'objects', kind: 'store', name: 'Object store', detail: objects, ...up },
      {
        id: 'websocket',
        kind: 'socket',
        name: 'WebSocket',
        detail: `${this.#connections.size} clients`,
        ...up,
      },
    ]
  }

  kill(id: string): void {
    const workers = [...this.pipeline.streams.flatMap((one) => one.workers), this.#socket]
    const worker = workers.find((one) => one.id === id)
    if (worker === undefined)
      throw new HttpError(404, 'NO_SUCH_PART', `no worker is called ${JSON.stringify(id)}`)
    worker.kill()
    // Lambda starts an environment at the next batch; here the next start is shown rather than waited for.
    setTimeout(() => void worker.start().catch(() => undefined), 1_000).unref()
  }

  async #connected(connectionId: string): Promise<void> {
    await this.#function.handle(connectionId, '$connect')
    this.#connections.add(connectionId)
  }

  async #message(connectionId: string, text: string): Promise<void> {
    const wanted = statusAction(text)
    if (wanted === undefined)
      return void (await this.#function.handle(connectionId, '$default', text).catch(() => undefined))
    if (wanted === 'unsubscribe') return void this.#statusClients.delete(connectionId)
    this.#statusClients.add(connectionId)
    const message: StatusMessage = {
      channel: 'status',
      cursor: String(this.#statusNumber),
      status: await this.status(),
    }
    await this.#publisher.send(connectionId, JSON.stringify(message))
  }

  async #disconnected(connectionId: string): Promise<void> {
    this.#statusClients.delete(connectionId)
    this.#connections.delete(connectionId)
    await this.#function.handle(connectionId, '$disconnect').catch(() => undefined)
  }
}

interface Wiring {
  readonly http: Server
  readonly publisher: WsPublisher
  readonly socket: WorkerProcess
}

function listen(http: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      const inUse = error.code === 'EADDRINUSE'
      reject(inUse ? new Error(`port ${port} is in use: choose another with --port`) : error)
    })
    http.listen(port, '127.0.0.1', resolve)
  })
}

/** `status` is this server's own channel; everything else goes to the socket function. */
function statusAction(text: string): 'subscribe' | 'unsubscribe' | undefined {
  try {
    const { action, channel } = JSON.parse(text) as { action?: unknown; channel?: unknown }
    if (channel !== 'status') return undefined
    return action === 'subscribe' || action === 'unsubscribe' ? action : undefined
  } catch {
    return undefined
  }
}

function workerPart(worker: WorkerProcess): Part {
  const { id, state, pid, restarts } = worker
  return {
    id,
    kind: 'worker',
    name: id,
    state,
    restarts,
    killable: true,
    ...(pid === undefined ? {} : { pid }),
  }
}
