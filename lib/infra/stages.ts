import { Duration } from 'aws-cdk-lib'
import type { TopicKind } from '../stream/topic.ts'
import type { Prefix } from './master.ts'

/** One of the functions that a stream has: what runs it and what it may touch. */
export interface StageSettings {
  readonly name: 'score' | 'count' | 'archive' | 'notify'
  readonly purpose: string
  readonly consumes: TopicKind
  /** Appends to the enriched topic, and is therefore inside the VPC. */
  readonly produces: boolean
  /** Sends frames to WebSocket connections. Impossible from inside the VPC: it has no way out. */
  readonly pushes: boolean
  readonly reads: readonly Prefix[]
  readonly writes: readonly Prefix[]
  /** Lambda gives CPU in proportion: 1,769 MB is one core. */
  readonly memoryMb: number
  readonly timeout: Duration
  /** How long pollers gather records before they invoke. The default of 500 ms would be added at every hop. */
  readonly window: Duration
}

/** Timeouts leave room for the slowest batch and stay far below the 14 minutes a Kafka mapping allows. */
export const STAGES: readonly StageSettings[] = [
  {
    name: 'score',
    purpose: 'decides the fate of every raw record',
    consumes: 'raw',
    produces: true,
    pushes: false,
    reads: ['models', 'reference', 'large'],
    writes: ['large'],
    memoryMb: 1769,
    timeout: Duration.seconds(60),
    window: Duration.seconds(0),
  },
  {
    name: 'count',
    purpose: 'keeps the speed boards',
    consumes: 'enriched',
    produces: false,
    pushes: false,
    reads: ['board'],
    writes: ['board'],
    memoryMb: 1769,
    timeout: Duration.seconds(60),
    // A board is written once a batch: larger batches, fewer writes.
    window: Duration.seconds(5),
  },
  {
    name: 'archive',
    purpose: 'writes every entry to the master',
    consumes: 'enriched',
    produces: false,
    pushes: false,
    reads: ['master', 'large'],
    writes: ['master'],
    memoryMb: 1769,
    timeout: Duration.minutes(5),
    // Larger Parquet files; the log keeps the records meanwhile.
    window: Duration.minutes(2),
  },
  {
    name: 'notify',
    purpose: 'stores alerts and pushes them to subscribers',
    consumes: 'enriched',
    produces: false,
    pushes: true,
    reads: ['alerts'],
    writes: ['alerts'],
    memoryMb: 1024,
    timeout: Duration.seconds(60),
    window: Duration.seconds(0),
  },
]
