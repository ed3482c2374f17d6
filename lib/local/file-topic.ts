import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StoredBatch, TopicInfo } from '../ports/event-log.ts'
import { syncFolder, writeFileAtomic } from './fd-io.ts'
import { FilePartition, type PartitionOptions } from './file-partition.ts'
import type { RecoveryPoint } from './file-recovery.ts'
import { frameSeed } from './frame.ts'
import type { RecoveryPoints } from './recovery-points.ts'

export interface TopicOptions extends Pick<PartitionOptions, 'nowMs' | 'fsync' | 'segmentBytesMax'> {
  /** The folder that holds one folder a topic. */
  readonly dir: string
  readonly onAppend: (topic: string, partition: number, batch: StoredBatch) => void
}

/** Names of the topics in the folder. A folder without topic.json is the rest of a creation that did not finish. */
export function topicNames(dir: string): string[] {
  mkdirSync(dir, { recursive: true })
  return readdirSync(dir).filter((name) => existsSync(topicFile(dir, name)))
}

const topicFile = (dir: string, topic: string): string => join(dir, topic, 'topic.json')

/** A topic of a `FileLog`. It exists, with as many partitions as it says, once topic.json says so. */
export class FileTopic {
  readonly #options: TopicOptions
  readonly #name: string
  readonly #id: string
  readonly #partitions: FilePartition[] = []

  private constructor(options: TopicOptions, name: string, id: string) {
    this.#options = options
    this.#name = name
    this.#id = id
  }

  static async create(options: TopicOptions, name: string, partitions: number): Promise<FileTopic> {
    const topic = new FileTopic(options, name, randomUUID())
    await topic.grow(partitions)
    return topic
  }

  static async open(options: TopicOptions, name: string, recovery: RecoveryPoints): Promise<FileTopic> {
    const { id, partitions } = JSON.parse(readFileSync(topicFile(options.dir, name), 'utf8')) as TopicInfo
    const topic = new FileTopic(options, name, id)
    topic.#partitions.push(...(await topic.#open(partitions, recovery[id] ?? [])))
    return topic
  }

  get info(): TopicInfo {
    return { name: this.#name, id: this.#id, partitions: this.#partitions.length }
  }

  get partitions(): readonly FilePartition[] {
    return this.#partitions
  }

  async grow(partitions: number): Promise<void> {
    if (!Number.isInteger(partitions) || partitions < 1)
      throw new RangeError(`${this.#name}: partitions must be an integer >= 1, got ${partitions}`)
    if (partitions <= this.#partitions.length) return
    const more = await this.#open(partitions, [])
    try {
      await this.#declare(partitions)
    } catch (error) {
      await closeAll(more)
      throw error
    }
    this.#partitions.push(...more)
  }

  recoveryPoints(): readonly [id: string, readonly RecoveryPoint[]] {
    return [this.#id, this.#partitions.map(({ durable }) => durable)]
  }

  async close(): Promise<void> {
    await closeAll(this.#partitions)
  }

  /** The partitions from the first one not open yet up to `partitions`: all of them, or none stays open. */
  async #open(partitions: number, recovery: readonly RecoveryPoint[]): Promise<FilePartition[]> {
    const opened: FilePartition[] = []
    try {
      for (let i = this.#partitions.length; i < partitions; i++)
        opened.push(await FilePartition.open(this.#partitionOptions(i), recovery[i]))
    } catch (error) {
      await closeAll(opened)
      throw error
    }
    return opened
  }

  async #declare(partitions: number): Promise<void> {
    const { dir, fsync } = this.#options
    const info: TopicInfo = { ...this.info, partitions }
    writeFileAtomic(topicFile(dir, this.#name), JSON.stringify(info), fsync !== 'never')
    if (fsync === 'never') return
    await syncFolder(join(dir, this.#name))
    await syncFolder(dir)
  }

  #partitionOptions(partition: number): PartitionOptions {
    const { dir, onAppend, ...shared } = this.#options
    return {
      ...shared,
      dir: join(dir, this.#name, String(partition)),
      name: `${this.#name}/${partition}`,
      seed: frameSeed(this.#id, partition),
      onAppend: (batch) => onAppend(this.#name, partition, batch),
    }
  }
}

async function closeAll(partitions: readonly FilePartition[]): Promise<void> {
  await Promise.all(partitions.map((partition) => partition.close()))
}
