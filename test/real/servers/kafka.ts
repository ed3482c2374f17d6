import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { mavenFolder } from './maven.ts'
import { dataFolder, type RunningServer, removeFolder, ServerProcess } from './server-process.ts'
import { requireTools, run } from './tools.ts'

const VERSION = '4.1.1'

export interface KafkaOptions {
  /** One, or three with every topic on all of them. Default 1. */
  readonly brokers?: 1 | 3
  /** Further lines for server.properties; `{port}` is a free port of its own. */
  readonly properties?: Readonly<Record<string, string>>
  /** A listener beside the plain one: `SASL_PLAINTEXT`, `SASL_SSL`, `SSL`. Its address is `secureEndpoint`. */
  readonly secureListener?: string
  /** SCRAM users known from the start. */
  readonly users?: readonly { readonly name: string; readonly password: string }[]
}

export interface KafkaBroker {
  readonly id: number
  readonly address: string
  readonly process: ServerProcess
}

export interface RunningKafka extends RunningServer {
  readonly secureEndpoint: string
  readonly brokers: readonly KafkaBroker[]
  /** Folder of Kafka's jars, for its own tools. */
  readonly jars: string
}

interface Node {
  readonly id: number
  readonly folder: string
  readonly port: number
  readonly controllerPort: number
  readonly securePort: number
}

/** Apache Kafka in KRaft mode, brokers and controllers in one process each. Rejects with MissingTool. */
export async function startKafka(options: KafkaOptions = {}): Promise<RunningKafka> {
  await requireTools('java')
  const jars = await kafkaJars()
  const root = await dataFolder('kafka')
  const nodes = await Promise.all(
    Array.from({ length: options.brokers ?? 1 }, async (_, i) => makeNode(root, i + 1)),
  )
  const brokers = nodes.map((node) => broker(node, jars))
  const stop = async (): Promise<void> => {
    await Promise.all(brokers.map(({ process }) => process.stop('SIGKILL')))
    await removeFolder(root)
  }
  try {
    for (const node of nodes) await format(node, nodes, options, jars)
    await Promise.all(brokers.map(({ process }) => process.start()))
  } catch (error) {
    await stop()
    throw error
  }
  const secureEndpoint = nodes.map(({ securePort }) => `127.0.0.1:${securePort}`).join(',')
  return { endpoint: brokers.map(({ address }) => address).join(','), secureEndpoint, brokers, jars, stop }
}

/** Kafka's jars, with a logger: its distribution has one, its artifact has not. */
export async function kafkaJars(): Promise<string> {
  return mavenFolder(`kafka-${VERSION}`, [
    { group: 'org.apache.kafka', name: 'kafka_2.13', version: VERSION },
    { group: 'org.apache.kafka', name: 'kafka-tools', version: VERSION },
    { group: 'org.apache.logging.log4j', name: 'log4j-slf4j-impl', version: '2.24.3' },
  ])
}

async function makeNode(root: string, id: number): Promise<Node> {
  const folder = join(root, String(id))
  await mkdir(folder)
  return {
    id,
    folder,
    port: await freePort(),
    controllerPort: await freePort(),
    securePort: await freePort(),
  }
}

function broker(node: Node, jars: string): KafkaBroker {
  const process = new ServerProcess({
    command: 'java',
    args: [
      ...['-Xms256m', '-Xmx512m', '-XX:+UseSerialGC', '-Dlog4j2.configurationFile=log4j2.properties'],
      ...['-cp', `${jars}/*`, 'kafka.Kafka', 'server.properties'],
    ],
    cwd: node.folder,
    ready: (log) => log.includes('Kafka Server started'),
    timeoutMs: 60_000,
  })
  return { id: node.id, address: `127.0.0.1:${node.port}`, process }
}

async function format(
  node: Node,
  nodes: readonly Node[],
  options: KafkaOptions,
  jars: string,
): Promise<void> {
  await writeFile(join(node.folder, 'server.properties'), properties(node, nodes, options))
  await writeFile(join(node.folder, 'log4j2.properties'), LOGGING)
  const users = (options.users ?? []).flatMap(({ name, password }) =>
    ['SCRAM-SHA-512', 'SCRAM-SHA-256'].flatMap((m) => ['-S', `${m}=[name=${name},password=${password}]`]),
  )
  const args = ['format', '-t', 'WeirTestClusterId00000', '-c', 'server.properties', ...users]
  await run('java', ['-XX:TieredStopAtLevel=1', '-cp', `${jars}/*`, 'kafka.tools.StorageTool', ...args], {
    cwd: node.folder,
  })
}

const LOGGING = `rootLogger.level = INFO
rootLogger.appenderRef.out.ref = out
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d %p %c{1} %m%n
`

/** A crashed broker is missed after three seconds, not nine. */
const QUICK_FAILOVER = { 'broker.heartbeat.interval.ms': '500', 'broker.session.timeout.ms': '3000' }

function properties(node: Node, nodes: readonly Node[], options: KafkaOptions): string {
  const replicas = String(nodes.length)
  const inSync = String(Math.min(2, nodes.length))
  const listeners = [`PLAINTEXT://127.0.0.1:${node.port}`]
  if (options.secureListener !== undefined)
    listeners.push(`${options.secureListener}://127.0.0.1:${node.securePort}`)
  const lines: Record<string, string> = {
    'process.roles': 'broker,controller',
    'node.id': String(node.id),
    listeners: [...listeners, `CONTROLLER://127.0.0.1:${node.controllerPort}`].join(','),
    'advertised.listeners': listeners.join(','),
    'inter.broker.listener.name': 'PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map':
      'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,SASL_PLAINTEXT:SASL_PLAINTEXT',
    'controller.quorum.voters': nodes.map((n) => `${n.id}@127.0.0.1:${n.controllerPort}`).join(','),
    'log.dirs': join(node.folder, 'data'),
    'log.message.timestamp.type': 'LogAppendTime',
    'auto.create.topics.enable': 'false',
    'unclean.leader.election.enable': 'false',
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
    'log.cleaner.backoff.ms': '500',
    ...(nodes.length > 1 ? QUICK_FAILOVER : {}),
    ...options.properties,
  }
  return Object.entries(lines)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}
