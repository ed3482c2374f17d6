import type { AddressInfo } from 'node:net'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** What becomes of one request on its way to the broker. `pass` lets it through; it may wait for as long as it likes. */
export type OnRequest = (request: KafkaRequest, pass: () => void) => void

export interface KafkaRequest {
  readonly apiKey: number
  readonly clientId: string
  readonly bytes: Buffer
}

export const PRODUCE = 0

/**
 * A proxy on loopback before one Kafka broker that looks at each request's head and lets a test decide. Requests of one
 * connection keep their order: what is held holds up what comes after it.
 */
export class KafkaProxy {
  readonly port: number
  /** Where the broker really is; set before the first connection. */
  target = ''
  onRequest: OnRequest = (_, pass) => pass()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port
    server.on('connection', (client) => this.#serve(client))
  }

  static async start(): Promise<KafkaProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new KafkaProxy(server)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #serve(client: Socket): void {
    const [host = '', port] = this.target.split(':')
    const broker = connect(Number(port), host)
    for (const socket of [client, broker]) {
      this.#sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => this.#sockets.delete(socket))
    }
    broker.pipe(client)
    // A client that gives up does not take back what it has sent: what was held still reaches the broker.
    let held = 0
    let gone = false
    const end = () => void (gone && held === 0 && broker.end())
    client.on('close', () => {
      gone = true
      end()
    })
    let turn = Promise.resolve()
    eachFrame(client, (frame) => {
      held++
      const { promise, resolve } = Promise.withResolvers<void>()
      turn = turn.then(() => {
        this.onRequest(headOf(frame), () => {
          if (!broker.destroyed) broker.write(frame)
          held--
          resolve()
          end()
        })
        return promise
      })
    })
  }
}

function eachFrame(socket: Socket, onFrame: (frame: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk])
    while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
      const end = 4 + pending.readInt32BE(0)
      onFrame(pending.subarray(0, end))
      pending = pending.subarray(end)
    }
  })
}

function headOf(frame: Buffer): KafkaRequest {
  const length = frame.readInt16BE(12)
  return { apiKey: frame.readInt16BE(4), clientId: frame.toString('utf8', 14, 14 + length), bytes: frame }
}
