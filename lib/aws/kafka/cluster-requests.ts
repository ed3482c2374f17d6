import type { Api } from './requests.ts'
import type { WireReader } from './wire.ts'

/** Requests about brokers and topics, and the two that log in. */
export interface Broker {
  readonly id: number
  readonly host: string
  readonly port: number
}

export interface PartitionInfo {
  readonly error: number
  readonly partition: number
  /** -1 while there is none. */
  readonly leader: number
}

export interface TopicMetadata {
  readonly error: number
  readonly name: string
  readonly id: string
  readonly partitions: readonly PartitionInfo[]
}

export interface ClusterMetadata {
  readonly brokers: readonly Broker[]
  readonly controller: number
  readonly topics: readonly TopicMetadata[]
}

const NO_TOPIC_ID = Buffer.alloc(16)

/** Version 12: the first that brokers of today answer with topic ids. Never makes a topic by asking for it. */
export const metadata: Api<{ readonly topics: readonly string[] }, ClusterMetadata> = {
  name: 'Metadata',
  key: 3,
  version: 12,
  flexible: true,
  write(writer, { topics }) {
    writer.compactArray(topics, (w, name) => w.raw(NO_TOPIC_ID).compactString(name).tags())
    writer.bool(false).bool(false).tags()
  },
  read(reader) {
    reader.int32()
    const brokers = reader.compactArray(() => readBroker(reader))
    reader.compactNullableString()
    const controller = reader.int32()
    return { brokers, controller, topics: reader.compactArray(() => readTopic(reader)) }
  },
}

function readBroker(reader: WireReader): Broker {
  const broker = { id: reader.int32(), host: reader.compactString(), port: reader.int32() }
  reader.compactNullableString()
  reader.tags()
  return broker
}

function readTopic(reader: WireReader): TopicMetadata {
  const error = reader.int16()
  const name = reader.compactString()
  const id = reader.uuid()
  reader.bool()
  const partitions = reader.compactArray(() => readPartition(reader))
  reader.int32()
  reader.tags()
  return { error, name, id, partitions }
}

function readPartition(reader: WireReader): PartitionInfo {
  const info = { error: reader.int16(), partition: reader.int32(), leader: reader.int32() }
  reader.int32()
  for (let list = 0; list < 3; list++) reader.compactArray(() => reader.int32())
  reader.tags()
  return info
}

/** An error code and what the broker says about it. */
export interface Outcome {
  readonly error: number
  readonly message: string | null
}

export interface CreateTopicQuestion {
  readonly topic: string
  readonly partitions: number
  /** -1: as the cluster's default says. */
  readonly replicas: number
  readonly configs: Readonly<Record<string, string>>
  readonly timeoutMs: number
}

export const createTopics: Api<CreateTopicQuestion, Outcome> = {
  name: 'CreateTopics',
  key: 19,
  version: 4,
  flexible: false,
  write(writer, { topic, partitions, replicas, configs, timeoutMs }) {
    writer.int32(1).string(topic).int32(partitions).int16(replicas).int32(0)
    writer.array(Object.entries(configs), (w, [name, value]) => w.string(name).string(value))
    writer.int32(timeoutMs).bool(false)
  },
  read: readOutcome,
}

export interface CreatePartitionsQuestion {
  readonly topic: string
  readonly partitions: number
  readonly timeoutMs: number
}

export const createPartitions: Api<CreatePartitionsQuestion, Outcome> = {
  name: 'CreatePartitions',
  key: 37,
  version: 1,
  flexible: false,
  write(writer, { topic, partitions, timeoutMs }) {
    writer.int32(1).string(topic).int32(partitions).int32(-1).int32(timeoutMs).bool(false)
  },
  read: readOutcome,
}

function readOutcome(reader: WireReader): Outcome {
  reader.int32()
  const outcomes = reader.array(() => {
    reader.string()
    return { error: reader.int16(), message: reader.nullableString() }
  })
  return outcomes[0] ?? { error: -1, message: 'the broker answered without an outcome' }
}

export const saslHandshake: Api<
  { readonly mechanism: string },
  { readonly error: number; readonly mechanisms: readonly string[] }
> = {
  name: 'SaslHandshake',
  key: 17,
  version: 1,
  flexible: false,
  write: (writer, { mechanism }) => void writer.string(mechanism),
  read: (reader) => ({ error: reader.int16(), mechanisms: reader.array(() => reader.string()) }),
}

export interface SaslAnswer extends Outcome {
  readonly bytes: Buffer
  /** After so many milliseconds the broker ends the connection; 0: never. */
  readonly sessionLifetimeMs: number
}

export const saslAuthenticate: Api<{ readonly bytes: Uint8Array }, SaslAnswer> = {
  name: 'SaslAuthenticate',
  key: 36,
  version: 1,
  flexible: false,
  write: (writer, { bytes }) => void writer.bytes(bytes),
  read: (reader) => ({
    error: reader.int16(),
    message: reader.nullableString(),
    bytes: reader.bytes(),
    sessionLifetimeMs: reader.int64(),
  }),
}
