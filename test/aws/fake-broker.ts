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

export interface FakeTopic {
  readonly id?: number
  readonly partitions: number
  /** Id of the broker that leads all of it; -1 for none. */
  readonly leader?: number
}

/** Answers of a broker that does not know what it was asked about. */
export const UNKNOWN_TOPIC_OR_PARTITION = 3
export const TOPIC_ALREADY_EXISTS = 36

/**
 * A broker that does with each produce request what the test says, and knows of topics what the test says. It notes
 * whether a partition ever had two requests under way at once.
 */
export class FakeBroker {
  readonly produced: Produced[] = []
  overlaps = 0
  connections = 0
  /** All brokers it names; itself alone until the test says more. */
  cluster: readonly FakeBroker[] = [this]
  readonly id: number
  /** What it knows of a topic at this moment. */
  knows: (topic: string) => FakeTopic | undefined = () => ({ partitions: 3 })
  /** Answers a request to make or grow a topic with an error code. */
  onAdmin: (topic: string, partitions: number) => number = () => 0
  /** Answers a question for an offset with an error code. */
  onOffset: (topic: string, partition: number) => number = () => 0
  readonly #server: Server
  readonly #reply: (request: Produced, nth: number) => Reply
  readonly #underWay = new Map<number, number>()
  readonly #sockets = new Set<Socket>()
  #port = 0

  constructor(reply: (request: Produced, nth: number) => Reply = () => ({ error: 0 }), id = 1) {
    this.#reply = reply
    this.id = id
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
    if (key === 3) answer(socket, correlation, this.#metadata(askedTopic(reader)))
    else if (key === 19 || key === 37) answer(socket, correlation, this.#admin(reader))
    else if (key === 2) answer(socket, correlation, this.#offset(reader))
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

  #admin(reader: WireReader): WireWriter {
    reader.int32()
    const topic = reader.string()
    const error = this.onAdmin(topic, reader.int32())
    return new WireWriter().int32(0).int32(1).string(topic).int16(error).string(null)
  }

  #offset(reader: WireReader): WireWriter {
    reader.int32()
    reader.int8()
    reader.int32()
    const topic = reader.string()
    reader.int32()
    const partition = reader.int32()
    const error = this.onOffset(topic, partition)
    const writer = new WireWriter().int32(0).int32(1).string(topic).int32(1).int32(partition)
    return writer
      .int16(error)
      .int64(-1)
      .int64(error === 0 ? 7 : -1)
      .int32(0)
  }

  #metadata(topic: string | undefined): WireWriter {
    const writer = new WireWriter().tags().int32(0)
    writer.compactArray(this.cluster, (w, broker) =>
      w.int32(broker.id).compactString('127.0.0.1').int32(broker.#port).compactString(null).tags(),
    )
    writer.compactString('cluster').int32(this.id)
    const known = topic === undefined ? undefined : this.knows(topic)
    return writer
      .compactArray(topic === undefined ? [] : [topic], (w, name) => {
        w.int16(known === undefined ? UNKNOWN_TOPIC_OR_PARTITION : 0).compactString(name)
        w.raw(Buffer.alloc(16, known?.id ?? 1)).bool(false)
        w.compactArray(partitionsOf(known), (p, index) => {
          p.int16(0)
            .int32(index)
            .int32(known?.leader ?? this.id)
            .int32(0)
          for (let list = 0; list < 3; list++) p.compactArray([], () => {})
          p.tags()
        })
        w.int32(0).tags()
      })
      .tags()
  }
}

function partitionsOf(topic: FakeTopic | undefined): number[] {
  return Array.from({ length: topic?.partitions ?? 0 }, (_, partition) => partition)
}

/** The one topic of a metadata request; none where it is about brokers only. */
function askedTopic(reader: WireReader): string | undefined {
  reader.tags()
  const [topic] = reader.compactArray(() => {
    reader.uuid()
    const name = reader.compactString()
    reader.tags()
    return name
  })
  return topic
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
