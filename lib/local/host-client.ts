import { PortError } from '../ports/errors.ts'
import type { Appended, EventLog, StoredBatch, TopicInfo } from '../ports/event-log.ts'
import type { BatchFigures, Metrics } from '../ports/metrics.ts'
import type { Publisher } from '../ports/publisher.ts'
import type { RecordBatch } from '../stream/record-batch.ts'

const unbuilt = () => Promise.reject(new PortError('UNAVAILABLE', 'not built yet', { curable: false }))

/** The log, the publisher and the metrics of a `Host`, for a worker process. One connection, never made again. */
export class HostClient implements EventLog, Publisher, Metrics {
  readonly maxBatchBytes: number = 0
  readonly maxFrameBytes: number = 0
  /** Resolves when the connection has ended, for whatever reason. */
  readonly closed: Promise<void> = Promise.resolve()

  static async connect(_socketPath: string): Promise<HostClient> {
    return new HostClient()
  }

  createTopic(_topic: string, _partitions: number): Promise<TopicInfo> {
    return unbuilt()
  }
  describeTopic(_topic: string): Promise<TopicInfo | undefined> {
    return unbuilt()
  }
  addPartitions(_topic: string, _partitions: number): Promise<void> {
    return unbuilt()
  }
  append(_topic: string, _partition: number, _batch: RecordBatch): Promise<Appended> {
    return unbuilt()
  }
  read(_topic: string, _partition: number, _from: number, _maxBytes: number): Promise<StoredBatch[]> {
    return unbuilt()
  }
  offsets(_topic: string, _partition: number): Promise<{ start: number; end: number }> {
    return unbuilt()
  }
  send(_connectionId: string, _frame: string): Promise<'sent' | 'gone'> {
    return unbuilt()
  }
  record(_batch: BatchFigures): void {}
  close(): Promise<void> {
    return unbuilt()
  }
}
