import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileLog } from '../../lib/local/file-log.ts'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { checkLogReaches } from '../../lib/local/log-reach.ts'
import { deliveredUpTo, deliverFrom } from '../../lib/local/mapping.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { commit, readManifest } from '../../lib/master/manifest-store.ts'
import { recordLost } from '../../lib/state/lost.ts'
import { moveProgress, NO_PROGRESS } from '../../lib/state/progress.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { compileView } from '../../lib/views/view.ts'
import { network } from '../../streams/network.ts'

const [RAW, ENRICHED] = ['network.raw.g1', 'network.enriched.g1']
const PARTITION = 1

describe('the check that the log reaches what is stored', () => {
  let dir: string
  let log: FileLog
  let keyed: SqliteStore
  let objects: FolderStore

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-reach-'))
    log = await FileLog.open({ dir: join(dir, 'log'), clock: systemClock })
    keyed = await SqliteStore.open(join(dir, 'state.db'))
    objects = await FolderStore.open(join(dir, 'objects'))
    for (const topic of [RAW, ENRICHED]) await log.createTopic(topic, 2)
  })

  afterEach(async () => {
    await log.close()
    await keyed.close()
    await objects.close()
    await rm(dir, { recursive: true })
  })

  const check = () => checkLogReaches({ log, keyed, objects }, network, 2)
  const append = (topic: string, values: readonly string[]) =>
    log.append(topic, PARTITION, recordBatch(values.map((value) => ({ value: Buffer.from(value) }))))
  const raw = (count: number) =>
    append(
      RAW,
      Array.from({ length: count }, () => 'line'),
    )
  const enriched = (...origins: readonly number[]) =>
    append(
      ENRICHED,
      origins.map((offset) => `{"site":"local","topic":"${RAW}","partition":1,"offset":${offset},"x":1}`),
    )

  /** Ten records, all in enriched, none taken in. */
  async function tenScored(): Promise<void> {
    await raw(10)
    await enriched(0, 1, 2, 3, 4, 2, 3, 4, 5, 6, 7, 8, 9)
    await deliverFrom(keyed, 'score', RAW, PARTITION, 10)
  }

  const at = (stage: string) => ({ stage, topic: ENRICHED, partition: PARTITION })

  const ahead: Readonly<Record<string, () => Promise<unknown>>> = {
    'the mapping of score': () => deliverFrom(keyed, 'score', RAW, PARTITION, 11),
    'the mapping of archive': () => deliverFrom(keyed, 'archive', ENRICHED, PARTITION, 14),
    'the progress of count': () =>
      moveProgress(keyed, at('count'), NO_PROGRESS, { nextOffset: 14, highestOrigin: 9 }),
    'the origins of notify': () =>
      moveProgress(keyed, at('notify'), NO_PROGRESS, { nextOffset: 13, highestOrigin: 10 }),
    'the master': async () => {
      const loaded = await readManifest(objects, 'network', RAW, PARTITION)
      await commit(objects, loaded, { files: [], progress: { nextOffset: 14, highestOrigin: -1 } })
    },
    'a board': async () => {
      const { records } = network.views
      if (records === undefined) throw new Error('network has no view records')
      const view = compileView('network', 'records', records)
      const [slot, partition] = [0, PARTITION].map((n) => String(n).padStart(16, '0'))
      const item = { pk: `board/${view.id}/${view.version}`, sk: `${slot}/${slot}/${RAW}/${partition}` }
      await keyed.put({ ...item, rev: '10', data: new Uint8Array(0) }, 'any')
    },
    'an entry of enriched': () => enriched(10),
  }

  it('holds where everything stored is in the log', async () => {
    await tenScored()
    await moveProgress(keyed, at('count'), NO_PROGRESS, { nextOffset: 13, highestOrigin: 9 })
    await deliverFrom(keyed, 'count', ENRICHED, PARTITION, 13)
    expect(await check()).toEqual([])
  })

  it.each(Object.keys(ahead))('refuses where %s is ahead', async (name) => {
    await tenScored()
    expect(await check()).toEqual([])
    await ahead[name]?.()
    await expect(check()).rejects.toMatchObject({ code: 'CORRUPT', curable: false })
    await expect(check()).rejects.toThrow(/\/1 ends at offset 1[03], but .* below 1[14]: .*--data/)
  })

  it('has made again what enriched alone has lost', async () => {
    await raw(10)
    await enriched(0, 1, 2, 3, 4)
    await deliverFrom(keyed, 'score', RAW, PARTITION, 10)
    expect(await check()).toEqual([{ topic: RAW, partition: PARTITION, from: 5, to: 10 }])
    expect(await deliveredUpTo(keyed, 'score', RAW, PARTITION)).toBe(5)
    expect(await check()).toEqual([])
  })

  it('does not take recorded losses for lost entries', async () => {
    await raw(10)
    await enriched(0, 1, 2, 3, 4)
    await deliverFrom(keyed, 'score', RAW, PARTITION, 10)
    await recordLost(keyed, RAW, PARTITION, { from: 5, to: 10 })
    expect(await check()).toEqual([])
    expect(await deliveredUpTo(keyed, 'score', RAW, PARTITION)).toBe(10)
  })
})
