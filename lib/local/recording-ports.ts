import type { Appended, EventLog } from '../ports/event-log.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Ports } from '../ports/ports.ts'
import type { Publisher } from '../ports/publisher.ts'
import type { LogRecord, RecordBatch } from '../stream/record-batch.ts'
import { contentOf, type Produced, type Recording, textContent } from './recording.ts'

/** The same ports, with every change that goes through them written down in `recording`. Reads are not. */
export function recordPorts(ports: Ports, recording: Recording): Ports {
  return {
    site: ports.site,
    epochMs: ports.epochMs,
    clock: ports.clock,
    log: recordLog(ports.log, recording),
    keyed: recordKeyed(ports.keyed, recording),
    objects: recordObjects(ports.objects, recording),
    publisher: recordPublisher(ports.publisher, recording),
    metrics: { record: (batch) => void recording.figures.push(batch) },
    close: () => ports.close(),
  }
}

function recordLog(log: EventLog, { produced }: Recording): EventLog {
  const note = (topic: string, partition: number, { baseOffset }: Appended, batch: RecordBatch) =>
    void produced.push({ topic, partition, baseOffset, records: recordsOf(batch) })
  return {
    maxBatchBytes: log.maxBatchBytes,
    createTopic: (topic, partitions) => log.createTopic(topic, partitions),
    describeTopic: (topic) => log.describeTopic(topic),
    addPartitions: (topic, partitions) => log.addPartitions(topic, partitions),
    read: (topic, partition, from, maxBytes) => log.read(topic, partition, from, maxBytes),
    offsets: (topic, partition) => log.offsets(topic, partition),
    close: () => log.close(),
    async append(topic, partition, batch) {
      const appended = await log.append(topic, partition, batch)
      note(topic, partition, appended, batch)
      return appended
    },
    async fence(name, topic) {
      const fenced = await log.fence(name, topic)
      return {
        async append(partition, batch) {
          const appended = await fenced.append(partition, batch)
          note(topic, partition, appended, batch)
          return appended
        },
      }
    },
  }
}

function recordsOf(batch: RecordBatch): Produced['records'] {
  return [...batch].map(({ key, value, headers }: LogRecord) => ({
    ...(key === null ? {} : { key: contentOf(key) }),
    value: contentOf(value),
    ...(headers.length === 0
      ? {}
      : { headers: Object.fromEntries(headers.map((header) => [header.name, contentOf(header.value)])) }),
  }))
}

function recordKeyed(keyed: KeyedStore, { items }: Recording): KeyedStore {
  const note = (item: { pk: string; sk: string; rev: string; data: Uint8Array }, done: boolean) => {
    const { pk, sk, rev, data } = item
    items.push({ change: 'put', pk, sk, done, rev, sizeBytes: data.length, data: contentOf(data) })
  }
  return {
    maxItemBytes: keyed.maxItemBytes,
    get: (pk, sk) => keyed.get(pk, sk),
    query: (pk, range) => keyed.query(pk, range),
    close: () => keyed.close(),
    async put(item, condition) {
      const result = await keyed.put(item, condition)
      note(item, result.ok)
      return result
    },
    async transact(puts) {
      const result = await keyed.transact(puts)
      for (const { item } of puts) note(item, result.ok)
      return result
    },
    async delete(pk, sk, condition) {
      const done = await keyed.delete(pk, sk, condition)
      items.push({ change: 'delete', pk, sk, done })
      return done
    },
  }
}

function recordObjects(objects: ObjectStore, recording: Recording): ObjectStore {
  const changes = recording.objects
  return {
    get: (key, range) => objects.get(key, range),
    head: (key) => objects.head(key),
    list: (prefix) => objects.list(prefix),
    close: () => objects.close(),
    async put(key, bytes, condition) {
      const result = await objects.put(key, bytes, condition)
      changes.push({ change: 'put', key, done: result.ok, sizeBytes: bytes.length })
      return result
    },
    async delete(key) {
      await objects.delete(key)
      changes.push({ change: 'delete', key, done: true })
    },
  }
}

function recordPublisher(publisher: Publisher, { pushed }: Recording): Publisher {
  return {
    maxFrameBytes: publisher.maxFrameBytes,
    close: () => publisher.close(),
    async send(connectionId, frame) {
      const result = await publisher.send(connectionId, frame)
      if (result === 'sent') pushed.push({ connectionId, frame: textContent(frame) })
      return result
    },
  }
}
