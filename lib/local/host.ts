import { createServer, type Server, type Socket } from 'node:net'
import { PortError } from '../ports/errors.ts'
import type { EventLog, FencedTopic } from '../ports/event-log.ts'
import type { BatchFigures } from '../ports/metrics.ts'
import type { Publisher } from '../ports/publisher.ts'
import { RecordBatch } from '../stream/record-batch.ts'
import { type Message, MessageReader, writeMessage } from './host-messages.ts'
import { type Hello, headOf, PROTOCOL, type Reply, type Request, toWire } from './host-protocol.ts'
import { listenPrivately } from './host-socket.ts'

export { hostSocketPath } from './host-socket.ts'

export interface HostOptions {
  /** From `hostSocketPath(dataDir)`. */
  readonly socketPath: string
  readonly log: EventLog
  readonly publisher: Publisher
  /** Must not throw. */
  readonly onMetrics?: (figures: BatchFigures) => void
}

/** What a request is answered with: a value for the reply's head, bytes for its body. */
interface Answer {
  readonly value?: unknown
  readonly body?: readonly Uint8Array[]
}

/**
 * Serves the log, the publisher and the metrics of this process to worker processes of the same user, who reach them
 * through a `HostClient`. It closes neither of them.
 */
export class Host {
  readonly socketPath: string
  readonly #options: HostOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #underWay = new Set<Promise<void>>()

  private constructor(options: HostOptions) {
    this.socketPath = options.socketPath
    this.#options = options
    this.#server = createServer((socket) => this.#serve(socket))
  }

  /** Rejects with LOCKED where another process serves the same path. */
  static async listen(options: HostOptions): Promise<Host> {
    const host = new Host(options)
    await listenPrivately(host.#server, options.socketPath)
    return host
  }

  /** Takes no more requests, answers those under way, and ends the connections. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const socket of this.#sockets) socket.pause()
    await Promise.all(this.#underWay)
    for (const socket of this.#sockets) socket.destroySoon()
    await closed
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    const fences: FencedTopic[] = []
    const reader = new MessageReader((message) => this.#receive(socket, message, fences))
    socket.on('data', (chunk) => {
      try {
        reader.push(chunk)
      } catch {
        socket.destroy() // not a worker of ours
      }
    })
    const { maxBatchBytes } = this.#options.log
    const { maxFrameBytes } = this.#options.publisher
    const hello: Hello = { protocol: PROTOCOL, maxBatchBytes, maxFrameBytes }
    writeMessage(socket, 0, hello)
  }

  #receive(socket: Socket, { id, head, body }: Message, fences: FencedTopic[]): void {
    const request = head as Request
    if (request.op === 'record') {
      this.#options.onMetrics?.(request.figures)
      return
    }
    const answered = this.#answer(request, body, fences).then(
      ({ value, body: bytes }) => reply(socket, id, { ok: true, value }, bytes),
      (error: unknown) => reply(socket, id, { ok: false, error: toWire(error) }),
    )
    this.#underWay.add(answered)
    void answered.finally(() => this.#underWay.delete(answered))
  }

  /** `fences`: those that the connection has raised. */
  async #answer(
    request: Exclude<Request, { op: 'record' }>,
    body: Buffer,
    fences: FencedTopic[],
  ): Promise<Answer> {
    const { log, publisher } = this.#options
    switch (request.op) {
      case 'append':
        return {
          value: await log.append(request.topic, request.partition, new RecordBatch(body, request.count)),
        }
      case 'fence':
        return { value: fences.push(await log.fence(request.name, request.topic)) - 1 }
      case 'appendFenced': {
        const fenced = fences[request.fence]
        if (fenced === undefined)
          throw new PortError('CLOSED', 'no fence was raised on this connection', { curable: true })
        return { value: await fenced.append(request.partition, new RecordBatch(body, request.count)) }
      }
      case 'read': {
        const { topic, partition, fromOffset, maxBytes } = request
        const batches = await log.read(topic, partition, fromOffset, maxBytes)
        return { value: batches.map(headOf), body: batches.map(({ records }) => records.bytes) }
      }
      case 'offsets':
        return { value: await log.offsets(request.topic, request.partition) }
      case 'createTopic':
        return { value: await log.createTopic(request.topic, request.partitions) }
      case 'describeTopic':
        return { value: await log.describeTopic(request.topic) }
      case 'addPartitions':
        return { value: await log.addPartitions(request.topic, request.partitions) }
      case 'send':
        return { value: await publisher.send(request.connectionId, body.toString()) }
    }
  }
}

/** Reads no further requests of a worker that does not take its answers, so that they cannot pile up here. */
function reply(socket: Socket, id: number, head: Reply, body: readonly Uint8Array[] = []): void {
  if (socket.destroyed || writeMessage(socket, id, head, body)) return
  // Answers to what was read before come here too, and wait for the same drain.
  if (socket.isPaused()) return
  socket.pause()
  socket.once('drain', () => socket.resume())
}
