import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PortError } from '../ports/errors.ts'
import type { EventLog, StoredBatch, TopicInfo } from '../ports/event-log.ts'
import { FilePartitionReader } from './file-partition-reader.ts'
import { frameSeed } from './frame.ts'
import { isNotThere } from './fs-errors.ts'
import { readRecoveryPoints } from './recovery-points.ts'

/** What can be asked of a log without writing to it. */
export type LogReader = Pick<EventLog, 'describeTopic' | 'offsets' | 'read'>

/**
 * Looks at the folder of a `FileLog`, whoever has it open: takes no lock and changes nothing, so that a command that only
 * reads keeps nobody from starting. Each `offsets` looks anew. An append may be seen that is not acknowledged yet, and
 * the beginning of one that is being written is not.
 */
export class FileLogReader implements LogReader {
  readonly #dir: string
  readonly #partitions = new Map<string, FilePartitionReader>()

  /** `dir`: as of `FileLogOptions`. It need not exist. */
  constructor(dir: string) {
    this.#dir = dir
  }

  async describeTopic(topic: string): Promise<TopicInfo | undefined> {
    try {
      const text = readFileSync(join(this.#dir, 'topics', topic, 'topic.json'), 'utf8')
      return JSON.parse(text) as TopicInfo
    } catch (error) {
      if (isNotThere(error)) return undefined
      throw error
    }
  }

  async offsets(topic: string, partition: number): Promise<{ start: number; end: number }> {
    const held = await this.#partition(topic, partition)
    await held.look()
    return { start: held.start, end: held.end }
  }

  async read(
    topic: string,
    partition: number,
    fromOffset: number,
    maxBytes: number,
  ): Promise<readonly StoredBatch[]> {
    return (await this.#partition(topic, partition)).read(fromOffset, maxBytes)
  }

  async #partition(topic: string, partition: number): Promise<FilePartitionReader> {
    const info = await this.describeTopic(topic)
    if (info === undefined) throw new PortError('NO_SUCH_TOPIC', `no topic ${topic}`, { curable: false })
    if (!Number.isInteger(partition) || partition < 0 || partition >= info.partitions) {
      const message = `${topic} has partitions 0 to ${info.partitions - 1}, asked for ${partition}`
      throw new PortError('NO_SUCH_PARTITION', message, { curable: false })
    }
    const key = `${info.id}/${partition}`
    const held = this.#partitions.get(key) ?? this.#open(info, partition)
    this.#partitions.set(key, held)
    return held
  }

  #open({ name, id }: TopicInfo, partition: number): FilePartitionReader {
    return new FilePartitionReader({
      dir: join(this.#dir, 'topics', name, String(partition)),
      name: `${name}/${partition}`,
      seed: frameSeed(id, partition),
      recovery: () => readRecoveryPoints(this.#dir)[id]?.[partition],
    })
  }
}
