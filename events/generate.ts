import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SOURCE_HEADER, type SourceMark } from '../lib/collect/mark.ts'
import { decide } from '../lib/speed/decide.ts'
import type { DeliveredRecord, KafkaEvent } from '../lib/speed/kafka-event.ts'
import { type Entry, writeEntry } from '../lib/stream/entry.ts'
import { topicName } from '../lib/stream/topic.ts'
import { logs } from '../streams/logs.ts'
import { network } from '../streams/network.ts'
import { ingestEvent } from './ingest-samples.ts'
import { SAMPLE_LOG_LINES } from './logs-samples.ts'
import { connectionCsv, connectionJson, SAMPLE_CONNECTIONS, suspicion } from './network-samples.ts'
import { queryEvent } from './query-samples.ts'
import { socketEvents } from './socket-samples.ts'

/** 2026-11-02T08:00:00Z */
const START_MS = 1_793_606_400_000
const SITE = 'local'
const PARTITION = 0

/** Every sample event by its file name, made from the code that reads them: `npm run events` writes them again. */
export function sampleEvents(): ReadonlyMap<string, unknown> {
  const raw = rawRecords()
  const enriched = kafkaEvent(enrichedRecords(raw))
  return new Map<string, unknown>([
    ['score.json', kafkaEvent(raw)],
    ['score-logs.json', kafkaEvent(logLines())],
    ['count.json', enriched],
    ['archive.json', enriched],
    ['notify.json', enriched],
    ['ingest.json', ingestEvent(START_MS, network.name, rawLines())],
    ['query.json', queryEvent(START_MS, `${network.name}.byService`)],
    ['train.json', { stream: network.name, seed: 1 }],
    ['compact.json', { stream: network.name }],
    ['watch.json', {}],
    ...recomputeEvents(network.name),
    ...socketEvents(START_MS, network.name),
  ])
}

/**
 * The steps of a recompute, as the state machine calls them in turn: all on one data folder, `plan` first. A stretch to
 * recompute and a part to merge are named by the steps before, and there are none while the master is empty.
 */
function recomputeEvents(stream: string): readonly (readonly [string, unknown])[] {
  const step = { stream, run: 'sample' }
  return [
    ['plan.json', { input: { stream }, execution: step.run }],
    ['recompute.json', { ...step, shard: '000000000000000000000000' }],
    ['merge.json', step],
    ['publish.json', step],
    ['expire.json', step],
  ]
}

/** As a mapping delivers them: CSV lines, JSON lines, and what no stream can read. */
function rawRecords(): readonly DeliveredRecord[] {
  const lines = rawLines()
  const mark: SourceMark = {
    run: 'sample',
    source: 0,
    position: lines.length - 1,
    records: lines.length,
  }
  return lines.map((line, i) =>
    delivered('raw', i, Buffer.from(line), i === lines.length - 1 ? [header(SOURCE_HEADER, mark)] : []),
  )
}

function rawLines(): readonly string[] {
  const [web, mail, scan, flood] = SAMPLE_CONNECTIONS
  return [
    connectionCsv(web),
    connectionJson(mail, START_MS - 4_000, 0),
    connectionCsv(scan),
    'no connection at all: neither CSV with 41 columns nor JSON',
    connectionCsv(web).split(',').slice(0, 17).join(','),
    connectionJson(flood, START_MS - 1_000, 1),
  ]
}

function logLines(): readonly DeliveredRecord[] {
  return SAMPLE_LOG_LINES.map((line, i) => delivered('raw', i, Buffer.from(line), [], logs.name))
}

/** What score makes of the connections: the same decisions, and a verdict where a model would have one. */
function enrichedRecords(raw: readonly DeliveredRecord[]): readonly DeliveredRecord[] {
  return decide(network, raw).map((decision, i) => {
    const appendTime = raw[i]?.timestamp ?? START_MS
    const head = {
      site: SITE,
      topic: topicName(network.name, 'raw'),
      partition: PARTITION,
      offset: i,
      appendTime,
    }
    const entry: Entry =
      decision.outcome === 'dead'
        ? { ...head, eventTime: appendTime, ...decision }
        : decision.outcome === 'drop'
          ? { ...head, ...decision, eventTime: decision.eventTime ?? appendTime }
          : {
              ...head,
              ...suspicion(decision.value),
              ...decision,
              eventTime: decision.eventTime ?? appendTime,
            }
    return delivered('enriched', i, Buffer.from(writeEntry(entry)), [])
  })
}

function delivered(
  kind: 'raw' | 'enriched',
  offset: number,
  value: Buffer,
  headers: NonNullable<DeliveredRecord['headers']>,
  stream = network.name,
): DeliveredRecord {
  return {
    topic: topicName(stream, kind),
    partition: PARTITION,
    offset,
    timestamp: START_MS + offset,
    timestampType: 'LOG_APPEND_TIME',
    key: null,
    value: value.toString('base64'),
    headers,
  }
}

/** A mapping delivers a header as one object of one name with the bytes as signed numbers. */
function header(name: string, value: unknown): Readonly<Record<string, readonly number[]>> {
  return { [name]: [...new Int8Array(Buffer.from(JSON.stringify(value)))] }
}

function kafkaEvent(records: readonly DeliveredRecord[]): KafkaEvent & Record<string, unknown> {
  const brokers = [1, 2, 3].map((n) => `b-${n}.weirmain.abc123.c2.kafka.eu-west-1.amazonaws.com:9098`)
  return {
    eventSource: 'aws:kafka',
    eventSourceArn:
      'arn:aws:kafka:eu-west-1:123456789012:cluster/weir-main/0a1b2c3d-4e5f-6789-abcd-ef0123456789-2',
    bootstrapServers: brokers.join(','),
    records: { [`${records[0]?.topic}-${PARTITION}`]: records },
  }
}

if (import.meta.main) {
  const folder = import.meta.dirname
  mkdirSync(folder, { recursive: true })
  for (const [file, event] of sampleEvents())
    writeFileSync(join(folder, file), `${JSON.stringify(event, undefined, 2)}\n`)
}
