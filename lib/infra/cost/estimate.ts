import type { Stream } from '../../stream/define.ts'
import { STAGES, type StageSettings } from '../stages.ts'
import { ASSUMPTIONS } from './assumptions.ts'
import { PRICES, type Priced } from './prices.ts'

export interface Load {
  /** Records a second, all month. */
  readonly rate: number
  /** Of a raw record. */
  readonly bytes: number
  readonly kafka: 'standard' | 'express'
  readonly retentionDays: number
  readonly epochMinutes: number
  /** Age of the master, months: it is kept for ever. */
  readonly months: number
  /** WebSocket clients that are connected all the time. */
  readonly subscribers: number
  /** A second. */
  readonly queries: number
}

export interface CostLine {
  readonly service: string
  readonly what: string
  readonly quantity: number
  readonly price: Priced
  readonly dollars: number
}

export interface Estimate {
  readonly lines: readonly CostLine[]
  readonly dollars: number
  readonly brokers: number
}

const HOURS = 730
const SECONDS = HOURS * 3_600
const GB = 1e9
const MILLION = 1e6
const GIB_PER_BROKER_MIN = 100
const KIB = 1_024
/** Alarms of a stream's four functions, and of what all share. */
const ALARMS = { stream: 27, shared: 25 }
const METRICS = 14
const FRAMES_EVERY_SECONDS = 10

const a = (name: keyof typeof ASSUMPTIONS) => ASSUMPTIONS[name].value

/** What a deployment of one stream costs a month in us-east-1, by service. */
export function estimate(stream: Pick<Stream, 'partitions' | 'views' | 'detector'>, load: Load): Estimate {
  const { brokers, lines } = kafka(load)
  const all = [
    ...lines,
    ...functions(stream, load),
    ...table(stream, load),
    ...bucket(stream, load),
    ...batchLayer(stream, load),
    ...doors(load),
    ...watching(stream, load),
  ]
  return { lines: all, dollars: all.reduce((sum, { dollars }) => sum + dollars, 0), brokers }
}

/** `quantity`: in units of the price. */
function line(service: string, what: string, price: Priced, quantity: number): CostLine {
  return { service, what, quantity, price, dollars: quantity * PRICES[price].dollars }
}

/** Bytes a second that both topics take in. */
function appended({ rate, bytes }: Load): number {
  return rate * bytes * (1 + a('enrichedRatio'))
}

function kafka(load: Load): { brokers: number; lines: readonly CostLine[] } {
  const perSecond = appended(load)
  const brokers = Math.max(3, Math.ceil((perSecond * 3) / a('brokerBytesPerSecond') / 3) * 3)
  const held = (perSecond * load.retentionDays * 86_400) / GB
  const crossing = (perSecond * SECONDS * a('zoneShare')) / GB
  const service = 'MSK'
  const zones = line(service, 'appends to other zones', 'zoneTransfer', crossing)
  if (load.kafka === 'express') {
    const lines = [
      line(service, `${brokers} brokers`, 'brokerExpress', brokers * HOURS),
      line(service, 'data in', 'expressIngress', (perSecond * SECONDS) / GB),
      line(service, `${load.retentionDays} days of topics`, 'expressStorage', held),
      zones,
    ]
    return { brokers, lines }
  }
  const volumes = Math.max(brokers * GIB_PER_BROKER_MIN, held * 3)
  const lines = [
    line(service, `${brokers} brokers`, 'brokerStandard', brokers * HOURS),
    line(service, `volumes: ${load.retentionDays} days, 3 replicas`, 'brokerStorage', volumes),
    zones,
  ]
  return { brokers, lines }
}

/** Batches a second of a stage. */
function batches({ window, consumes }: StageSettings, partitions: number, { rate, bytes }: Load): number {
  const perSecond = rate * bytes * (consumes === 'raw' ? 1 : a('enrichedRatio'))
  const full = perSecond / a('payloadBytes')
  const seconds = window.toSeconds()
  const often = seconds === 0 ? a('batchesPerSecond') * partitions : partitions / seconds
  return Math.min(rate, Math.max(full, often))
}

function microsOf(stage: StageSettings): number {
  return a(`${stage.name}Micros`)
}

function functions({ partitions }: Pick<Stream, 'partitions'>, load: Load): readonly CostLine[] {
  const stages = STAGES.flatMap((stage) => {
    const perSecond = batches(stage, partitions, load)
    const seconds = (load.rate * microsOf(stage)) / MILLION + (perSecond * a('batchOverheadMs')) / 1_000
    const gbSeconds = seconds * SECONDS * (stage.memoryMb / KIB)
    return [
      line('Lambda', stage.name, 'lambdaGbSeconds', gbSeconds),
      line('Lambda', `${stage.name}, batches`, 'lambdaRequests', (perSecond * SECONDS) / MILLION),
    ]
  })
  // A unit polls up to 20 MB a second; the mappings share theirs.
  const polled = load.rate * load.bytes * (1 + 3 * a('enrichedRatio'))
  const units = Math.max(1, Math.ceil(polled / 20e6))
  return [...stages, line('Lambda', `${units} event poller units`, 'pollers', units * HOURS)]
}

function batchesOf(name: StageSettings['name'], partitions: number, load: Load): number {
  const stage = STAGES.find((one) => one.name === name)
  return stage === undefined ? 0 : batches(stage, partitions, load)
}

function table(stream: Pick<Stream, 'partitions' | 'views'>, load: Load): readonly CostLine[] {
  const { partitions, views } = stream
  const counts = batchesOf('count', partitions, load) * SECONDS
  const boards = counts * Object.keys(views).length * a('boardsPerBatch')
  const boardUnits = boards * Math.ceil(a('boardBytes') / KIB)
  const progress = counts + batchesOf('notify', partitions, load) * SECONDS
  const alerts = load.rate * SECONDS * a('alertShare')
  const asked = load.queries * SECONDS * (5 + Math.ceil(a('boardBytes') / 4_096) * partitions)
  return [
    line('DynamoDB', 'boards', 'tableWrites', boardUnits / MILLION),
    line('DynamoDB', 'progress', 'tableWrites', progress / MILLION),
    line('DynamoDB', 'alerts', 'tableWrites', (alerts * 3) / MILLION),
    line('DynamoDB', 'reads of stages and queries', 'tableReads', (progress * 2 + asked) / MILLION),
    line('DynamoDB', 'items', 'tableStorage', (alerts * 1_000 * 3 + 1e8) / GB),
  ]
}

function bucket({ partitions }: Pick<Stream, 'partitions'>, load: Load): readonly CostLine[] {
  const { rate, bytes, months } = load
  const stored = (rate * bytes * a('parquetRatio') * SECONDS * months) / GB
  const archived = batchesOf('archive', partitions, load) * SECONDS
  return [
    line('S3', `master of ${months} months`, 'bucketStorage', stored),
    line('S3', 'archive: a file and a manifest a batch', 'bucketPuts', (archived * 2) / MILLION),
    line(
      'S3',
      'reads of archive, compaction and queries',
      'bucketGets',
      (archived * 4 + load.queries * SECONDS) / MILLION,
    ),
  ]
}

function batchLayer(stream: Pick<Stream, 'views' | 'detector'>, load: Load): readonly CostLine[] {
  const runs = (HOURS * 60) / load.epochMinutes
  const scanned = (load.rate * SECONDS * Object.keys(stream.views).length) / a('scanPerSecond')
  const lines = [
    line('Batch layer', 'recompute: functions', 'lambdaGbSeconds', (scanned + runs * 5) * 2),
    line('Batch layer', 'recompute: transitions', 'transitions', (runs * a('transitionsPerRun')) / MILLION),
  ]
  if (stream.detector === undefined) return lines
  const gbSeconds = (HOURS / 24) * a('trainSeconds') * (3_008 / KIB)
  return [...lines, line('Batch layer', 'training, once a day', 'lambdaGbSeconds', gbSeconds)]
}

function doors({ subscribers, queries }: Load): readonly CostLine[] {
  const asked = queries * SECONDS
  return [
    line(
      'API Gateway',
      'frames to subscribers',
      'socketMessages',
      (subscribers * SECONDS) / FRAMES_EVERY_SECONDS / MILLION,
    ),
    line('API Gateway', 'connections', 'socketMinutes', (subscribers * HOURS * 60) / MILLION),
    line('API Gateway', 'questions over HTTP', 'httpRequests', asked / MILLION),
    line('Lambda', 'query', 'lambdaGbSeconds', asked * 0.02 * (1_769 / KIB)),
  ]
}

function watching({ partitions }: Pick<Stream, 'partitions'>, load: Load): readonly CostLine[] {
  const perSecond = STAGES.reduce((sum, stage) => sum + batches(stage, partitions, load), 0)
  return [
    line('CloudWatch', 'alarms', 'alarms', ALARMS.stream + ALARMS.shared),
    line('CloudWatch', 'own metrics', 'metrics', METRICS),
    line('CloudWatch', 'dashboard', 'dashboards', 1),
    line('CloudWatch', 'logs', 'logs', (perSecond * SECONDS * a('logBytesPerBatch')) / GB),
  ]
}
