/**
 * A process that collects, for tests to kill: `node child.ts '<ChildOrder as JSON>'`. It prints a line of JSON for each
 * progress and its result. With `dieAt` it kills itself right before or after a write of the embedded adapters, or soon
 * after one has begun, wherever it then is.
 */
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { followInput } from '../../lib/collect/follow/follow-input.ts'
import { HttpsLog } from '../../lib/collect/https/https-log.ts'
import { IngestClient } from '../../lib/collect/https/ingest-client.ts'
import { liveInputs } from '../../lib/collect/inputs.ts'
import { type RunOptions, startRun } from '../../lib/collect/run.ts'
import type { EventLog, FencedTopic } from '../../lib/ports/event-log.ts'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import { openTestPorts } from './ports.ts'
import { wordStream } from './streams.ts'

export interface ChildOrder {
  readonly dir: string
  readonly keyed: boolean
  readonly sources: readonly string[]
  /** Kafka, in place of the embedded log. */
  readonly brokers?: string
  /** An ingest API, in place of the log. */
  readonly url?: string
  /** The sources are files that grow, folders and patterns, until SIGTERM. */
  readonly follow?: boolean
  readonly options?: RunOptions
  readonly maxBatchBytes?: number
  /** Before each append, up to so long. */
  readonly delayMsMax?: number
  readonly dieAt?: {
    readonly what: 'append' | 'put'
    /** `soon`: within 30 ms, and before five more of the kind are begun, so that it dies before its work is over. */
    readonly when: 'before' | 'after' | 'soon'
    readonly nth: number
  }
}

const order = JSON.parse(process.argv[2] ?? '{}') as ChildOrder
const embedded = await openTestPorts(order.dir, order.maxBatchBytes)
const ports = order.brokers === undefined ? embedded : { ...embedded, log: kafkaLog(order.brokers) }

function kafkaLog(brokers: string): EventLog {
  return new KafkaLog({
    brokers: [brokers],
    clientId: 'weir-test',
    requestTimeoutMs: 5000,
    compression: 'zstd',
  })
}

async function mayDie<T>(what: 'append' | 'put', act: () => Promise<T>): Promise<T> {
  const { dieAt } = order
  counts[what]++
  const now = dieAt?.what === what && dieAt.nth === counts[what]
  if (now && dieAt.when === 'before') process.kill(process.pid, 'SIGKILL')
  if (dieAt?.what === what && dieAt.when === 'soon' && counts[what] > dieAt.nth + 5)
    process.kill(process.pid, 'SIGKILL')
  if (now && dieAt.when === 'soon') setTimeout(() => process.kill(process.pid, 'SIGKILL'), Math.random() * 30)
  if (what === 'append' && order.delayMsMax !== undefined)
    await ports.clock.sleep(Math.random() * order.delayMsMax)
  const result = await act()
  if (now && dieAt.when === 'after') process.kill(process.pid, 'SIGKILL')
  return result
}
const counts = { append: 0, put: 0 }

const log: EventLog = Object.create(ports.log, {
  maxBatchBytes: { value: order.maxBatchBytes ?? ports.log.maxBatchBytes },
  append: {
    value: (...args: Parameters<EventLog['append']>) => mayDie('append', () => ports.log.append(...args)),
  },
  fence: {
    value: async (...[name, topic]: Parameters<EventLog['fence']>): Promise<FencedTopic> => {
      const fenced = await ports.log.fence(name, topic)
      return { append: (...args) => mayDie('append', () => fenced.append(...args)) }
    },
  },
  read: { value: (...args: Parameters<EventLog['read']>) => ports.log.read(...args) },
  offsets: { value: (...args: Parameters<EventLog['offsets']>) => ports.log.offsets(...args) },
  createTopic: { value: (...args: Parameters<EventLog['createTopic']>) => ports.log.createTopic(...args) },
  describeTopic: {
    value: (...args: Parameters<EventLog['describeTopic']>) => ports.log.describeTopic(...args),
  },
})
const keyed: KeyedStore = Object.create(ports.keyed, {
  put: { value: (...args: Parameters<KeyedStore['put']>) => mayDie('put', () => ports.keyed.put(...args)) },
  delete: { value: (...args: Parameters<KeyedStore['delete']>) => ports.keyed.delete(...args) },
  get: { value: (...args: Parameters<KeyedStore['get']>) => ports.keyed.get(...args) },
  query: { value: (...args: Parameters<KeyedStore['query']>) => ports.keyed.query(...args) },
})

const { url } = order
const client = url && new IngestClient({ url: new URL(url), stream: wordStream({ keyed: order.keyed }).name })
const https = client && new HttpsLog({ ...ports, keyed, client, url: new URL(url ?? '') })
const stop = new AbortController()
const live = order.follow ? undefined : liveInputs(order.sources, { clock: ports.clock })
if (order.follow || live) process.once('SIGTERM', () => stop.abort())
const follow = { clock: ports.clock, paths: order.sources, lingerMs: 1500 }
const result = await startRun({
  ports: { ...ports, log: https || log, keyed },
  stream: wordStream({ keyed: order.keyed }),
  sources: order.sources,
  signal: stop.signal,
  ...(live && { live }),
  ...(order.follow && { live: [followInput(follow)] }),
  ...(order.options && { options: order.options }),
  onProgress: (progress) => process.stdout.write(`${JSON.stringify(progress)}\n`),
})
process.stdout.write(`${JSON.stringify(result)}\n`)
await ports.close()
await ports.log.close()
