import type { ConnectionOptions } from 'node:tls'
import { PortError } from '../../ports/errors.ts'
import { Deadline, NO_DEADLINE } from '../deadline.ts'
import { withRetries } from '../retry.ts'
import { parseAddress, shuffled } from './addresses.ts'
import { type Broker, type ClusterMetadata, metadata, type TopicMetadata } from './cluster-requests.ts'
import { type Address, Connection } from './connection.ts'
import { expectOk, UNKNOWN_TOPIC_OR_PARTITION } from './errors.ts'
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

  /**
   * Fresh from the brokers: undefined where none of them knows such a topic. A broker may not have heard yet of the
   * newest partitions: where each one matters, `partitions` is Infinity and all brokers are asked.
   */
  describe(topic: string, partitions = 1): Promise<TopicMetadata | undefined> {
    return this.retrying(() => this.#find(topic, partitions))
  }

  /**
   * The topic as each broker that answers knows it, undefined where it does not: what is new reaches them one by one.
   * Rejects where none answers.
   */
  async describeEach(topic: string): Promise<readonly (TopicMetadata | undefined)[]> {
    const { brokers } = await this.#ask([])
    const asked = brokers.map(async (broker) => {
      const connection = await this.connection(broker, 'admin')
      return topicIn(await connection.send(metadata, { topics: [topic] }, this.timeoutMs), topic)
    })
    const answers = await Promise.allSettled(asked)
    const answered = answers.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
    const [failed] = answers.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
    if (answered.length > 0) return answered
    throw failed ?? new PortError('UNAVAILABLE', 'the cluster names no broker', { curable: true })
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
    const leader = leaderIn(this.#topics.get(topic), partition)
    if (leader !== undefined && leader >= 0) return leader
    const fresh = await this.#learn(topic, partition + 1)
    const again = leaderIn(fresh, partition)
    if (again !== undefined) return again
    const message = `${topic} has no partition ${partition}, only ${fresh.partitions.length}`
    throw new PortError('NO_SUCH_PARTITION', message, { curable: false })
  }

  async #learn(topic: string, partitions: number): Promise<TopicMetadata> {
    const found = await this.#find(topic, partitions)
    if (found === undefined)
      throw new PortError('NO_SUCH_TOPIC', `there is no topic ${topic}`, { curable: false })
    this.#topics.set(topic, found)
    return found
  }

  /**
   * The topic as any broker knows it. One that lacks it, or knows fewer partitions than are looked for, may only not
   * have heard of them yet: then all are asked, and the one that knows most is believed.
   */
  async #find(topic: string, partitions: number): Promise<TopicMetadata | undefined> {
    const first = topicIn(await this.#ask([topic]), topic)
    if (first !== undefined && first.partitions.length >= partitions) return first
    const sizeOf = (known: TopicMetadata | undefined) => known?.partitions.length ?? -1
    return (await this.describeEach(topic)).reduce((a, b) => (sizeOf(b) > sizeOf(a) ? b : a), first)
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

function leaderIn(known: TopicMetadata | undefined, partition: number): number | undefined {
  return known?.partitions.find((one) => one.partition === partition)?.leader
}

/** The topic in a broker's answer; undefined where the broker does not know it. */
function topicIn({ topics }: ClusterMetadata, topic: string): TopicMetadata | undefined {
  const [found] = topics
  if (found === undefined || found.error === UNKNOWN_TOPIC_OR_PARTITION) return undefined
  expectOk(found.error, `describe topic ${topic}`)
  return found
}
