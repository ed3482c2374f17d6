import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { PortError } from '../../ports/errors.ts'
import { FrameReader } from './frame-reader.ts'
import type { Api } from './requests.ts'
import { WireReader, WireWriter } from './wire.ts'

export interface Address {
  readonly host: string
  readonly port: number
}

export interface ConnectionSettings {
  readonly clientId: string
  /** Undefined: no TLS. */
  readonly tls?: ConnectionOptions | undefined
  readonly connectTimeoutMs: number
}

interface Waiting {
  readonly flexible: boolean
  readonly timer: NodeJS.Timeout
  resolve(reader: WireReader): void
  reject(error: PortError): void
}

/**
 * One socket to one broker. Requests may overlap; a broker answers them in order. Once anything goes wrong, a timeout
 * included, the socket is destroyed and everything under way rejects: a connection is never used after a doubt.
 */
export class Connection {
  readonly #socket: Socket
  readonly #settings: ConnectionSettings
  readonly #where: string
  readonly #waiting = new Map<number, Waiting>()
  readonly #frames = new FrameReader()
  #correlation = 0
  #failure: PortError | undefined

  private constructor(socket: Socket, where: string, settings: ConnectionSettings) {
    this.#socket = socket
    this.#where = where
    this.#settings = settings
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#receive(chunk))
    socket.on('error', (cause) => this.#fail(unavailable(`connection to ${where} broke`, cause)))
    socket.on('close', () => this.#fail(unavailable(`${where} closed the connection`)))
  }

  static async open(address: Address, settings: ConnectionSettings): Promise<Connection> {
    const where = `${address.host}:${address.port}`
    return new Connection(await openSocket(address, where, settings), where, settings)
  }

  get usable(): boolean {
    return this.#failure === undefined
  }

  /**
   * Sends one request and resolves with its answer. `tail` follows what the api writes, uncopied. Rejects with TIMEOUT
   * after `timeoutMs`, UNAVAILABLE where the connection breaks: either way the broker may have acted on the request.
   */
  async send<Q, A>(api: Api<Q, A>, question: Q, timeoutMs: number, tail?: Buffer): Promise<A> {
    if (this.#failure !== undefined) throw this.#failure
    const correlation = this.#correlation++ & 0x7fffffff
    const head = this.#encode(api, question, correlation, tail?.length ?? 0)
    const answer = this.#await(api.name, correlation, api.flexible, timeoutMs)
    this.#socket.cork()
    this.#socket.write(head)
    if (tail !== undefined) this.#socket.write(tail)
    this.#socket.uncork()
    const reader = await answer
    try {
      return api.read(reader)
    } catch (cause) {
      const error = new PortError('CORRUPT', `${this.#where}: cannot read the answer to ${api.name}`, {
        curable: true,
        cause,
      })
      this.#fail(error)
      throw error
    }
  }

  close(): void {
    this.#fail(new PortError('CLOSED', `connection to ${this.#where} was closed here`, { curable: true }))
  }

  #encode<Q, A>(api: Api<Q, A>, question: Q, correlation: number, tailBytes: number): Buffer {
    const writer = new WireWriter().int32(0).int16(api.key).int16(api.version).int32(correlation)
    writer.string(this.#settings.clientId)
    if (api.flexible) writer.tags()
    api.write(writer, question)
    const head = writer.finish()
    head.writeInt32BE(head.length - 4 + tailBytes, 0)
    return head
  }

  #await(name: string, correlation: number, flexible: boolean, timeoutMs: number): Promise<WireReader> {
    return new Promise((resolve, reject) => {
      const message = `${this.#where} did not answer ${name} within ${timeoutMs} ms`
      const timer = setTimeout(
        () => this.#fail(new PortError('TIMEOUT', message, { curable: true })),
        timeoutMs,
      )
      this.#waiting.set(correlation, { flexible, timer, resolve, reject })
    })
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#frames.push(chunk)) this.#answer(frame)
    } catch (cause) {
      this.#fail(
        new PortError('CORRUPT', `${this.#where} does not speak Kafka's protocol`, { curable: false, cause }),
      )
    }
  }

  #answer(frame: Buffer): void {
    const reader = new WireReader(frame)
    const correlation = reader.int32()
    const waiting = this.#waiting.get(correlation)
    if (waiting === undefined) throw new RangeError(`answer to a request never sent: ${correlation}`)
    this.#waiting.delete(correlation)
    clearTimeout(waiting.timer)
    if (waiting.flexible) reader.tags()
    waiting.resolve(reader)
  }

  #fail(error: PortError): void {
    this.#failure ??= error
    this.#socket.destroy()
    for (const waiting of this.#waiting.values()) {
      clearTimeout(waiting.timer)
      waiting.reject(error)
    }
    this.#waiting.clear()
  }
}

function openSocket(address: Address, where: string, settings: ConnectionSettings): Promise<Socket> {
  const { host, port } = address
  return new Promise((resolve, reject) => {
    const socket =
      settings.tls === undefined
        ? connectTcp({ host, port })
        : connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...settings.tls })
    const fail = (cause: unknown): void => {
      socket.destroy()
      reject(unavailable(`cannot connect to ${where}`, cause))
    }
    socket.setTimeout(settings.connectTimeoutMs, () => fail(new Error('connecting timed out')))
    socket.once('error', fail)
    socket.once(settings.tls === undefined ? 'connect' : 'secureConnect', () => {
      socket.setTimeout(0)
      socket.removeAllListeners('timeout')
      socket.off('error', fail)
      resolve(socket)
    })
  })
}

function unavailable(message: string, cause?: unknown): PortError {
  const said = cause instanceof Error ? `${message}: ${cause.message}` : message
  return new PortError('UNAVAILABLE', said, { curable: true, cause })
}
