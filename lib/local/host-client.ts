import { connect, type Socket } from 'node:net'
import { PortError } from '../ports/errors.ts'
import type { Appended, EventLog, FencedTopic, StoredBatch, TopicInfo } from '../ports/event-log.ts'
import type { BatchFigures, Metrics } from '../ports/metrics.ts'
import type { Publisher } from '../ports/publisher.ts'
import type { RecordBatch } from '../stream/record-batch.ts'
import { batchTooLarge } from './batch-too-large.ts'
import { type Message, MessageReader, writeMessage } from './host-messages.ts'
import {
  type BatchHead,
  batchesOf,
  fromWire,
  type Hello,
  PROTOCOL,
  type Reply,
  type Request,
} from './host-protocol.ts'

interface Answer {
  readonly value: unknown
  readonly body: Buffer
}

interface PendingCall {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

const ID_MAX = 0xffffffff

/**
 * The log, the publisher and the metrics of a `Host`, for a worker process. It has one connection and never makes it
 * again: when it is lost, an append under way may or may not have landed, and only the caller knows what follows from
 * that. All calls reject with UNAVAILABLE then.
 */
export class HostClient implements EventLog, Publisher, Metrics {
  readonly maxBatchBytes: number
  readonly maxFrameBytes: number
  /** Resolves when the connection has ended, for whatever reason. A worker has nothing left to do then. */
  readonly closed: Promise<void>
  readonly #socket: Socket
  readonly #pending = new Map<number, PendingCall>()
  #nextId = 1
  #closing = false

  private constructor(socket: Socket, hello: Hello, closed: Promise<void>) {
    this.#socket = socket
    this.maxBatchBytes = hello.maxBatchBytes
    this.maxFrameBytes = hello.maxFrameBytes
    this.closed = closed.then(() => this.#abandon())
  }

  /** Rejects with UNAVAILABLE where no host listens. */
  static connect(socketPath: string): Promise<HostClient> {
    const socket = connect(socketPath)
    const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
    return new Promise((resolve, reject) => {
      let client: HostClient | undefined
      const reader = new MessageReader((message) => {
        if (client !== undefined) return client.#receive(message)
        client = new HostClient(socket, helloOf(message), closed)
        resolve(client)
      })
      socket.on('data', (chunk) => {
        try {
          reader.push(chunk)
        } catch (error) {
          socket.destroy(error instanceof Error ? error : undefined)
        }
      })
      socket.on('error', (cause) => reject(unreachable(socketPath, cause)))
      socket.once('close', () => reject(unreachable(socketPath, undefined)))
    })
  }

  async createTopic(topic: string, partitions: number): Promise<TopicInfo> {
    return (await this.#call({ op: 'createTopic', topic, partitions })).value as TopicInfo
  }

  async describeTopic(topic: string): Promise<TopicInfo | undefined> {
    return (await this.#call({ op: 'describeTopic', topic })).value as TopicInfo | undefined
  }

  async addPartitions(topic: string, partitions: number): Promise<void> {
    await this.#call({ op: 'addPartitions', topic, partitions })
  }

  async append(topic: string, partition: number, { bytes, count }: RecordBatch): Promise<Appended> {
    if (bytes.length > this.maxBatchBytes) throw batchTooLarge(topic, bytes.length, this.maxBatchBytes)
    return (await this.#call({ op: 'append', topic, partition, count }, [bytes])).value as Appended
  }

  async read(topic: string, partition: number, fromOffset: number, maxBytes: number): Promise<StoredBatch[]> {
    const { value, body } = await this.#call({ op: 'read', topic, partition, fromOffset, maxBytes })
    return batchesOf(value as BatchHead[], body)
  }

  async offsets(topic: string, partition: number): Promise<{ start: number; end: number }> {
    return (await this.#call({ op: 'offsets', topic, partition })).value as { start: number; end: number }
  }

  async fence(name: string, topic: string): Promise<FencedTopic> {
    const fence = (await this.#call({ op: 'fence', name, topic })).value as number
    return {
      append: async (partition, { bytes, count }) => {
        if (bytes.length > this.maxBatchBytes) throw batchTooLarge(topic, bytes.length, this.maxBatchBytes)
        const request: Request = { op: 'appendFenced', fence, partition, count }
        return (await this.#call(request, [bytes])).value as Appended
      },
    }
  }

  async send(connectionId: string, frame: string): Promise<'sent' | 'gone'> {
    return (await this.#call({ op: 'send', connectionId }, [Buffer.from(frame)])).value as 'sent' | 'gone'
  }

  record(figures: BatchFigures): void {
    if (this.#closing || this.#socket.destroyed) return
    const request: Request = { op: 'record', figures }
    writeMessage(this.#socket, 0, request)
  }

  /** Lets the calls under way finish. The host and what it serves stay as they are. */
  async close(): Promise<void> {
    this.#closing = true
    this.#endIfDone()
    await this.closed
  }

  #call(request: Request, body: readonly Uint8Array[] = []): Promise<Answer> {
    if (this.#closing)
      return Promise.reject(new PortError('CLOSED', 'the client is closed', { curable: false }))
    if (this.#socket.destroyed) return Promise.reject(lost())
    const id = this.#nextId
    this.#nextId = id === ID_MAX ? 1 : id + 1
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject })
      writeMessage(this.#socket, id, request, body)
    })
  }

  #receive({ id, head, body }: Message): void {
    const call = this.#pending.get(id)
    if (call === undefined) return
    this.#pending.delete(id)
    const reply = head as Reply
    if (reply.ok) call.resolve({ value: reply.value, body })
    else call.reject(fromWire(reply.error))
    this.#endIfDone()
  }

  #endIfDone(): void {
    if (this.#closing && this.#pending.size === 0) this.#socket.destroySoon()
  }

  #abandon(): void {
    for (const { reject } of this.#pending.values()) reject(lost())
    this.#pending.clear()
  }
}

function lost(): PortError {
  const message =
    'the connection to the Weir process is lost: what was under way may or may not have happened'
  return new PortError('UNAVAILABLE', message, { curable: true })
}

function unreachable(socketPath: string, cause: unknown): PortError {
  const because = cause instanceof Error ? ` (${cause.message})` : ''
  const message = `no Weir process answers at ${socketPath}${because}; start one with \`weir dev\``
  return new PortError('UNAVAILABLE', message, { curable: true, cause })
}

function helloOf({ head }: Message): Hello {
  const hello = head as Partial<Hello>
  const { protocol, maxBatchBytes, maxFrameBytes } = hello
  if (protocol === PROTOCOL && maxBatchBytes !== undefined && maxFrameBytes !== undefined)
    return { protocol, maxBatchBytes, maxFrameBytes }
  throw new Error(`it speaks protocol ${protocol}, expected ${PROTOCOL}: it runs another release of Weir`)
}
