import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readMark } from '../../lib/collect/mark.ts'
import { dataFolder, openStores } from '../../lib/local/data-folder.ts'
import { FileLog } from '../../lib/local/file-log.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import type { Ports } from '../../lib/ports/ports.ts'

/** The embedded ports on a folder, as a command that feeds sources opens them. */
export async function openTestPorts(dir: string, maxBatchBytes?: number): Promise<Ports> {
  const folder = dataFolder(dir)
  const log = await FileLog.open({
    dir: folder.logDir,
    clock: systemClock,
    fsync: 'never',
    ...(maxBatchBytes !== undefined && { maxBatchBytes }),
  })
  const { keyed, objects } = await openStores(folder)
  return {
    site: 'test',
    epochMs: 60_000,
    log,
    keyed,
    objects,
    publisher: { maxFrameBytes: 0, send: async () => 'gone', close: async () => undefined },
    metrics: { record: () => undefined },
    clock: systemClock,
    close: async () => {
      await log.close()
      await keyed.close()
      await objects.close()
    },
  }
}

/** A folder that goes when `use` has ended. */
export async function inFolder<T>(use: (dir: string) => Promise<T>): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-collect-'))
  try {
    return await use(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

export interface Landed {
  readonly value: string
  readonly key: string | undefined
  readonly headers: readonly string[]
  readonly marked: boolean
}

/** Everything in a topic, by partition, in order. */
export async function everything(
  log: Pick<EventLog, 'describeTopic' | 'offsets' | 'read'>,
  topic: string,
): Promise<readonly (readonly Landed[])[]> {
  const info = await log.describeTopic(topic)
  const partitions: Landed[][] = []
  for (let p = 0; p < (info?.partitions ?? 0); p++) {
    const records: Landed[] = []
    const { end } = await log.offsets(topic, p)
    while (records.length < end)
      for (const batch of await log.read(topic, p, records.length, 1 << 20)) {
        for (const { key, value, headers } of batch.records)
          records.push({
            value: Buffer.from(value).toString(),
            key: key === null ? undefined : Buffer.from(key).toString(),
            headers: headers.map(({ name }) => name),
            marked: readMark(headers) !== undefined,
          })
      }
    partitions.push(records)
  }
  return partitions
}
