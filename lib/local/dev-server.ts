import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ingestHandler } from '../collect/ingest/handler.ts'
import type { Ports } from '../ports/ports.ts'
import type { Status } from '../serve/dashboard-messages.ts'
import { Watch } from '../serve/watch.ts'
import type { Stream } from '../stream/define.ts'
import { Attention } from './attention.ts'
import { DevParts } from './dev-parts.ts'
import { devRoutes, type Running, viewRoutes } from './dev-routes.ts'
import { DevSockets } from './dev-sockets.ts'
import { HttpError, httpServer, requireSameSite } from './http-api.ts'
import { type IngestHandler, serveIngestOn } from './ingest-route.ts'
import { Pipeline } from './pipeline.ts'
import { RecomputeTimer } from './recompute-timer.ts'
import type { ServerEnv } from './servers.ts'
import { SocketFunction } from './socket-function.ts'
import { StreamWatch } from './status.ts'
import { StatusPush } from './status-push.ts'
import { messageOf, tellOnce } from './trouble.ts'
import { UpkeepTimer } from './upkeep-timer.ts'
import { WatchTimer } from './watch-timer.ts'
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
  /** Told each different trouble once. */
  readonly onTrouble: (message: string) => void
}

const FRAME_EVERY_MS = 25
const DRAIN_MS_MAX = 3_000

/** Everything on this machine: the pipeline, the HTTP API, the WebSocket endpoint and the dashboard on one port. */
export class DevServer implements Running {
  readonly pipeline: Pipeline
  readonly ports: Ports
  readonly streams: ReadonlyMap<string, Stream>
  readonly url: string
  readonly parts: DevParts
  readonly sockets: DevSockets
  readonly attention = new Attention(() => Date.now())
  readonly #options: DevServerOptions
  readonly #wiring: Wiring
  readonly #startedMs = Date.now()
  readonly #watches: readonly StreamWatch[]
  readonly #statusPush: StatusPush
  readonly #upkeep: UpkeepTimer
  readonly #watch: WatchTimer
  readonly recompute: RecomputeTimer

  private constructor(options: DevServerOptions, pipeline: Pipeline, wiring: Wiring, url: string) {
    const { onTrouble } = options
    const { publisher, socket } = wiring
    this.#options = options
    this.#wiring = wiring
    this.pipeline = pipeline
    this.ports = pipeline.ports
    this.streams = new Map(pipeline.streams.map(({ stream }) => [stream.name, stream]))
    this.url = url
    const workers = [...pipeline.streams.flatMap((one) => one.workers), socket]
    this.parts = new DevParts(workers, options.servers ?? {}, onTrouble)
    this.#watches = pipeline.streams.map(({ stream }) => new StreamWatch(pipeline.ports, stream))
    this.#statusPush = new StatusPush({ read: () => this.#readStatus(), publisher, onTrouble })
    const names = [...this.streams.keys()]
    this.#upkeep = new UpkeepTimer({ streams: names, env: pipeline.workerEnv, onTrouble })
    const watch = new Watch(pipeline.ports, [...this.streams.values()], { frameIntervalMs: FRAME_EVERY_MS })
    this.#watch = new WatchTimer({ watch, nowMs: () => pipeline.ports.clock.nowMs(), onTrouble })
    this.recompute = new RecomputeTimer({ streams: names, env: pipeline.workerEnv, onTrouble })
    const socketFunction = new SocketFunction(socket)
    this.sockets = new DevSockets({ publisher, socketFunction, status: this.#statusPush, onTrouble })
  }

  static async start(given: DevServerOptions): Promise<DevServer> {
    const options = { ...given, onTrouble: tellOnce(given.onTrouble) }
    let server: DevServer | undefined
    const started = () => {
      if (server === undefined) throw new HttpError(503, 'STARTING', 'Weir is starting')
      return server
    }
    const http = httpServer(devRoutes(started), viewRoutes(started))
    let ingest: IngestHandler | undefined
    serveIngestOn(http, () => {
      ingest ??= ingestHandler(started().streams, started().ports)
      return ingest
    })
    const publisher = WsPublisher.attach(http, {
      onConnect: (connectionId, request) => {
        requireSameSite(request)
        return started().sockets.connected(connectionId)
      },
      // Nobody is connected before it has started.
      onMessage: (connectionId, text) => void server?.sockets.message(connectionId, text),
      onDisconnect: (connectionId) => void server?.sockets.disconnected(connectionId),
    })
    const pipeline = await openPipeline(options, publisher)
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

  status(): Promise<Status> {
    return this.#statusPush.status()
  }

  kill(id: string): void {
    this.parts.kill(id)
  }

  /** Ends, once what is in flight has been taken in or DRAIN_MS_MAX is over: the rest comes at the next start. */
  async stop(): Promise<void> {
    const { http, publisher, socket } = this.#wiring
    this.#statusPush.stop()
    await publisher.close()
    http.closeAllConnections()
    http.close()
    await socket.stop()
    await this.#upkeep.stop()
    await this.#watch.stop()
    await this.recompute.stop()
    const soon = AbortSignal.timeout(DRAIN_MS_MAX)
    const drained = this.pipeline.streams.map(({ stream }) => this.pipeline.drained(stream.name, soon))
    await Promise.allSettled(drained)
    await this.pipeline.stop()
  }

  #start(): void {
    this.pipeline.start()
    const { onTrouble } = this.#options
    void this.#wiring.socket.start().catch((error: unknown) => onTrouble(messageOf(error)))
    this.#statusPush.start()
    this.#upkeep.start()
    this.#watch.start()
    this.recompute.start()
  }

  async #readStatus(): Promise<Status> {
    const streams = await Promise.all(this.#watches.map((watch) => watch.read()))
    const { site, demo } = this.#options
    const clients = this.sockets.count
    return {
      site,
      demo,
      startedMs: this.#startedMs,
      nowMs: Date.now(),
      streams,
      parts: this.parts.list(clients),
      clients,
    }
  }
}

interface Wiring {
  readonly http: Server
  readonly publisher: WsPublisher
  readonly socket: WorkerProcess
}

function openPipeline(options: DevServerOptions, publisher: WsPublisher): Promise<Pipeline> {
  const { data, site, streams, servers = {}, onTrouble } = options
  return Pipeline.open({
    data,
    site,
    streams,
    servers,
    onTrouble,
    publisher,
    env: { WEIR_FRAME_INTERVAL_MS: String(FRAME_EVERY_MS) },
    onDelivery: (stream, { mapping, error }) => {
      if (error !== undefined) onTrouble(`${stream} ${mapping}: ${error}; the batch comes again`)
    },
  })
}

function listen(http: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', (error: NodeJS.ErrnoException) => {
      const other = port < 65_535 ? port + 1 : port - 1
      const inUse = `port ${port} is in use: choose another with --port (weir dev --port ${other}, npm start -- --port ${other})`
      reject(error.code === 'EADDRINUSE' ? new Error(inUse) : error)
    })
    http.listen(port, '127.0.0.1', resolve)
  })
}
