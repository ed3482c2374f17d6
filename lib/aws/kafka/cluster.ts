import type { ConnectionOptions } from 'node:tls'
import { PortError } from '../../ports/errors.ts'
import { Deadline, NO_DEADLINE } from '../deadline.ts'
import { withRetries } from '../retry.ts'
import { type Broker, type ClusterMetadata, metadata, type TopicMetadata } from './cluster-requests.ts'
import { type Address, Connection } from './connection.ts'
import { expectOk, kafkaError, UNKNOWN_TOPIC_OR_PARTITION } from './errors.ts'
import { type Login, logIn } from './sasl.ts'

export interface ClusterSettings {
  /** Bootstrap brokers, `host:port`. */
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly tls?: ConnectionOptions | undefined
  readonly login?: Login | undefined
  /** For one answer of a broker; a few seconds. */
  readonly requestTimeoutMs: number
  readonly deadline?: Deadline | undefined
}

/** A broker answers the requests of one connection in turn: each use has its own lane, so that appends never wait. */
export type Lane = `append ${number}` | 'read' | 'admin'

interface Held {
  readonly connection: Connection
  /** When the broker will end the session; a new connection is made well before. */
  readonly renewAtMs: number
}

/** The brokers of one cluster: connections by broker and lane, and which broker leads which partition. */
export class Cluster {
  readonly settings: ClusterSettings
  readonly #held = new Map<string, Promise<Held>>()
  readonly #topics = new Map<string, TopicMetadata>()
  #known: readonly Broker[] = []
  #closed = false

  constructor(settings: ClusterSettings) {
    this.settings = settings
  }

  get deadline(): Deadline {
    return this.settings.deadline ?? NO_DEADLINE
  }

  /** What a request may take now. Throws TIMEOUT where the deadline has come. */
  get timeoutMs(): number {
    return this.deadline.cut(this.settings.requestTimeoutMs)
  }

  /** A connection to the partition's leader. Rejects with NO_SUCH_TOPIC, NO_SUCH_PARTITION, or UNAVAILABLE. */
  async leader(topic: string, partition: number, lane: Lane): Promise<Connection> {
    return this.retrying(async () => {
      const found = await this.#leaderOf(topic, partition)
      const broker = this.#known.find((b) => b.id === found)
      try {
        if (broker !== undefined) return await this.connection(broker, lane)
      } catch (error) {
        this.forget(topic)
        throw error
      }
      this.forget(topic)
      throw new PortError('UNAVAILABLE', `${topic}/${partition} has no leader`, { curable: true })
    })
  }

  /** Fresh from a broker: undefined where there is no such topic. */
  async describe(topic: string): Promise<TopicMetadata | undefined> {
    const answer = await this.retrying(() => this.#ask([topic]))
    const found = answer.topics[0]
    if (found === undefined || found.error === UNKNOWN_TOPIC_OR_PARTITION) return undefined
    expectOk(found.error, `describe topic ${topic}`)
    return found
  }

  /** The broker that makes and grows topics. */
  async controller(): Promise<Connection> {
    const { brokers, controller } = await this.#ask([])
    const broker = brokers.find((b) => b.id === controller) ?? brokers[0]
    if (broker === undefined)
      throw new PortError('UNAVAILABLE', 'the cluster names no broker', { curable: true })
    return this.connection(broker, 'admin')
  }

  /** What was known of a topic's leaders is doubtful: ask again next time. */
  forget(topic: string): void {
    this.#topics.delete(topic)
  }

  /** Repeats what is safe to repeat: anything but a produce request. */
  retrying<T>(action: () => Promise<T>): Promise<T> {
    return withRetries(action, { attempts: 5, baseMs: 50, capMs: 1000, deadline: this.deadline })
  }

  /** As `retrying`, for what takes as long as it takes, up to `patienceMs`. */
  async retryingFor<T>(patienceMs: number, action: () => Promise<T>): Promise<T> {
    const deadline = new Deadline(Math.min(Date.now() + patienceMs, Date.now() + this.deadline.remainingMs()))
    return withRetries(action, { attempts: Infinity, baseMs: 20, capMs: 500, deadline })
  }

  async connection(address: Address, lane: Lane): Promise<Connection> {
    const key = `${address.host}:${address.port} ${lane}`
    const known = this.#held.get(key)
    if (known !== undefined) {
      const held = await known
      if (held.connection.usable && Date.now() < held.renewAtMs) return held.connection
      if (this.#held.get(key) !== known) return this.connection(address, lane)
    }
    const opening = this.#open(address)
    this.#held.set(key, opening)
    opening.catch(() => this.#held.get(key) === opening && this.#held.delete(key))
    return (await opening).connection
  }

  /** Ends the connections of one lane, or all; what is under way on them rejects. */
  drop(lane?: Lane): void {
    for (const [key, held] of this.#held) {
      if (lane !== undefined && !key.endsWith(` ${lane}`)) continue
      this.#held.delete(key)
      held.then(({ connection }) => connection.close()).catch(() => {})
    }
  }

  close(): void {
    this.#closed = true
    this.drop()
  }

  async #open(address: Address): Promise<Held> {
    if (this.#closed) throw new PortError('CLOSED', 'this log is closed', { curable: false })
    const { clientId, tls, login } = this.settings
    const { timeoutMs } = this
    const connection = await Connection.open(address, { clientId, tls, connectTimeoutMs: timeoutMs })
    try {
      const lifetimeMs = login === undefined ? 0 : await logIn(connection, login, timeoutMs)
      return { connection, renewAtMs: lifetimeMs > 0 ? Date.now() + lifetimeMs * 0.8 : Infinity }
    } catch (error) {
      connection.close()
      throw error
    }
  }

  async #leaderOf(topic: string, partition: number): Promise<number> {
    const known = this.#topics.get(topic) ?? (await this.#learn(topic))
    const info = known.partitions.find((p) => p.partition === partition)
    if (info !== undefined && info.leader >= 0) return info.leader
    const fresh = await this.#learn(topic)
    const again = fresh.partitions.find((p) => p.partition === partition)
    if (again !== undefined) return again.leader
    const message = `${topic} has no partition ${partition}, only ${fresh.partitions.length}`
    throw new PortError('NO_SUCH_PARTITION', message, { curable: false })
  }

  async #learn(topic: string): Promise<TopicMetadata> {
    const { topics } = await this.#ask([topic])
    const found = topics[0]
    if (found === undefined || found.error === UNKNOWN_TOPIC_OR_PARTITION)
      throw new PortError('NO_SUCH_TOPIC', `there is no topic ${topic}`, { curable: false })
    if (found.error !== 0) throw kafkaError(found.error, `find the leaders of ${topic}`)
    this.#topics.set(topic, found)
    return found
  }

  async #ask(topics: readonly string[]): Promise<ClusterMetadata> {
    const connection = await this.#anyBroker()
    const answer = await connection.send(metadata, { topics }, this.timeoutMs)
    if (answer.brokers.length > 0) this.#known = answer.brokers
    return answer
  }

  /** The first that can be reached, in random order so that many clients spread; bootstrap names come last. */
  async #anyBroker(): Promise<Connection> {
    let failure: unknown = new PortError('MISCONFIGURED', 'no brokers are named', { curable: false })
    for (const address of [...shuffled(this.#known), ...shuffled(this.settings.brokers.map(parseAddress))]) {
      try {
        return await this.connection(address, 'admin')
      } catch (error) {
        if (error instanceof PortError && !error.curable) throw error
        failure = error
      }
    }
    throw failure
  }
}

function parseAddress(text: string): Address {
  const match = /^(.+):(\d+)$/.exec(text.trim())
  if (match === null)
    throw new PortError(
      'MISCONFIGURED',
      `not a broker address: ${JSON.stringify(text)} (expected host:port)`,
      {
        curable: false,
      },
    )
  return { host: match[1] as string, port: Number(match[2]) }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item)
}
