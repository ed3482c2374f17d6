import { createServer, type Server, type Socket } from 'node:net'
import { WireReader, WireWriter } from '../../lib/aws/kafka/wire.ts'

/** What a broker does with one produce request. 'hang' never answers; 'cut' ends the connection instead. */
export type Reply = { readonly error: number; readonly afterMs?: number } | 'hang' | 'cut'

export interface Produced {
  readonly partition: number
  readonly batch: Buffer
  /** Which connection it came on, counted from 0. */
  readonly connection: number
}

/**
 * A broker that answers metadata and produce requests, and does with the latter what the test says. It notes whether
 * a partition ever had two requests under way at once.
 */
export class FakeBroker {
  readonly produced: Produced[] = []
  overlaps = 0
  connections = 0
  readonly #server: Server
  readonly #reply: (request: Produced, nth: number) => Reply
  readonly #underWay = new Map<number, number>()
  readonly #sockets = new Set<Socket>()
  #port = 0

  constructor(reply: (request: Produced, nth: number) => Reply = () => ({ error: 0 })) {
    this.#reply = reply
    this.#server = createServer((socket) => this.#accept(socket))
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const address = this.#server.address()
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    return `127.0.0.1:${this.#port}`
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(socket: Socket): void {
    const connection = this.connections++
    let pending = Buffer.alloc(0)
    this.#sockets.add(socket)
    socket.on('close', () => this.#sockets.delete(socket))
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      pending = Buffer.concat([pending, chunk])
      while (pending.length >= 4 && pending.length >= 4 + pending.readInt32BE(0)) {
        const end = 4 + pending.readInt32BE(0)
        this.#request(socket, connection, new WireReader(pending.subarray(4, end)))
        pending = pending.subarray(end)
      }
    })
  }

  #request(socket: Socket, connection: number, reader: WireReader): void {
    const [key, , correlation] = [reader.int16(), reader.int16(), reader.int32()]
    reader.string()
    if (key === 3) answer(socket, correlation, this.#metadata())
    else if (key === 0) this.#produce(socket, connection, correlation, reader)
    else throw new Error(`the fake broker does not know request ${key}`)
  }

  #produce(socket: Socket, connection: number, correlation: number, reader: WireReader): void {
    reader.nullableString()
    if (reader.int16() !== -1) throw new Error('acks is not all')
    reader.int32()
    if (reader.int32() !== 1) throw new Error('not one topic')
    reader.string()
    if (reader.int32() !== 1) throw new Error('not one partition')
    const partition = reader.int32()
    const request = { partition, batch: Buffer.from(reader.bytes()), connection }
    const under = this.#underWay.get(partition) ?? 0
    if (under > 0) this.overlaps++
    this.#underWay.set(partition, under + 1)
    this.produced.push(request)
    const reply = this.#reply(request, this.produced.length - 1)
    if (reply === 'hang') return
    if (reply === 'cut') {
      socket.destroy()
      return
    }
    setTimeout(() => {
      this.#underWay.set(partition, (this.#underWay.get(partition) ?? 1) - 1)
      answer(socket, correlation, produceAnswer(partition, reply.error))
    }, reply.afterMs ?? 0)
  }

  #metadata(): WireWriter {
    const partitions = [0, 1, 2]
    return new WireWriter()
      .tags()
      .int32(0)
      .compactArray([1], (w, id) =>
        w.int32(id).compactString('127.0.0.1').int32(this.#port).compactString(null).tags(),
      )
      .compactString('cluster')
      .int32(1)
      .compactArray(['t'], (w, name) =>
        w
          .int16(0)
          .compactString(name)
          .raw(Buffer.alloc(16, 1))
          .bool(false)
          .compactArray(partitions, (p, index) => {
            p.int16(0).int32(index).int32(1).int32(0)
            for (let list = 0; list < 3; list++) p.compactArray([], () => {})
            p.tags()
          })
          .int32(0)
          .tags(),
      )
      .tags()
  }
}

function produceAnswer(partition: number, error: number): WireWriter {
  const writer = new WireWriter().int32(1).string('t').int32(1).int32(partition).int16(error)
  return writer
    .int64(error === 0 ? 5 : -1)
    .int64(error === 0 ? 1000 : -1)
    .int64(0)
    .int32(0)
    .string(null)
    .int32(0)
}

function answer(socket: Socket, correlation: number, body: WireWriter): void {
  const bytes = body.finish()
  socket.write(
    new WireWriter()
      .int32(bytes.length + 4)
      .int32(correlation)
      .raw(bytes)
      .finish(),
  )
}
