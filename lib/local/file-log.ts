import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type { Appended, EventLog, StoredBatch, TopicInfo } from '../ports/event-log.ts'
import type { RecordBatch } from '../stream/record-batch.ts'

export interface FileLogOptions {
  readonly dir: string
  readonly clock: Pick<Clock, 'nowMs'>
  /** 'always': an append resolves after fsync. 'interval' (default): a power cut may take the last second. 'never'. */
  readonly fsync?: 'always' | 'interval' | 'never'
  readonly fsyncIntervalMs?: number
  readonly segmentBytesMax?: number
  readonly maxBatchBytes?: number
}

export type AppendListener = (topic: string, partition: number, end: number) => void

const unbuilt = () => Promise.reject(new PortError('UNAVAILABLE', 'not built yet', { curable: false }))

export class FileLog implements EventLog {
  readonly maxBatchBytes: number

  private constructor(options: FileLogOptions) {
    this.maxBatchBytes = options.maxBatchBytes ?? 1024 * 1024
  }

  static async open(options: FileLogOptions): Promise<FileLog> {
    return new FileLog(options)
  }

  /** Calls `listener` after every append that became visible. Returns the way to stop it. */
  onAppend(_listener: AppendListener): () => void {
    return () => undefined
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
  /** Deletes the segments that lie wholly below `beforeOffset`. Resolves with the new start. */
  trim(_topic: string, _partition: number, _beforeOffset: number): Promise<number> {
    return unbuilt()
  }
  close(): Promise<void> {
    return unbuilt()
  }
}
