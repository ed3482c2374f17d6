import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { EncodedBatches } from '../../lib/local/encoded-batches.ts'
import { FileLog } from '../../lib/local/file-log.ts'
import { noteGrowth } from '../../lib/local/growth.ts'
import { type MappedStage, Mapping } from '../../lib/local/mapping.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { KafkaEvent } from '../../lib/speed/kafka-event.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

const RAW = 'sensors.raw.g1'
const ENRICHED = 'sensors.enriched.g1'
const STAGES = ['score', 'archive', 'count', 'notify'] as const

describe('partitions added to a running stream', () => {
  let dir: string
  let log: FileLog
  const seen: Record<string, string[]> = {}
  let mappings: Record<MappedStage, Mapping>

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'weir-growth-'))
    log = await FileLog.open({ dir: join(dir, 'log'), clock: systemClock })
    await log.createTopic(ENRICHED, 1)
    await log.createTopic(RAW, 1)
    const batches = new EncodedBatches(log)
    const keyed = new MemoryKeyed()
    const open = async (name: MappedStage): Promise<Mapping> => {
      seen[name] = []
      const invoke = async (event: readonly Buffer[]) => {
        const { records } = JSON.parse(Buffer.concat(event).toString()) as KafkaEvent
        for (const [partition, list] of Object.entries(records))
          for (const { offset } of list) seen[name]?.push(`${partition}/${offset}`)
      }
      const topic = name === 'score' ? RAW : ENRICHED
      const at = { name, topic, partitions: 1, workers: [{ invoke }], batchRecordsMax: 100, windowMs: 0 }
      const mapping = await Mapping.open({ ...at, log, batches, keyed, clock: systemClock })
      mapping.start()
      return mapping
    }
    mappings = {
      score: await open('score'),
      archive: await open('archive'),
      count: await open('count'),
      notify: await open('notify'),
    }
  })

  afterEach(async () => {
    await Promise.all(STAGES.map((stage) => mappings[stage].stop()))
    await log.close()
    await rm(dir, { recursive: true })
  })

  const append = (topic: string, partition: number) =>
    log.append(topic, partition, recordBatch([{ value: Buffer.from('x') }]))

  it('are served from their first record on, also from what came before anybody looked', async () => {
    expect(await noteGrowth(log, 'sensors', mappings)).toBe(false)
    await log.addPartitions(ENRICHED, 3)
    await log.addPartitions(RAW, 3)
    for (const topic of [RAW, ENRICHED]) for (const partition of [1, 2]) await append(topic, partition)
    expect(await noteGrowth(log, 'sensors', mappings)).toBe(true)
    expect(await noteGrowth(log, 'sensors', mappings)).toBe(false)
    for (const stage of STAGES) {
      const topic = stage === 'score' ? RAW : ENRICHED
      await expect.poll(() => mappings[stage].lag).toBe(0)
      expect(seen[stage]?.toSorted()).toEqual([`${topic}-1/0`, `${topic}-2/0`])
      expect(mappings[stage].positions).toEqual([0, 1, 1])
    }
  })

  it('bring their twins with them where raw was grown alone', async () => {
    await log.addPartitions(RAW, 2)
    expect(await noteGrowth(log, 'sensors', mappings)).toBe(true)
    expect((await log.describeTopic(ENRICHED))?.partitions).toBe(2)
    for (const stage of STAGES) expect(mappings[stage].partitions).toBe(2)
  })

  it('are not served where enriched was grown alone: nothing feeds them', async () => {
    await log.addPartitions(ENRICHED, 2)
    expect(await noteGrowth(log, 'sensors', mappings)).toBe(false)
    for (const stage of STAGES) expect(mappings[stage].partitions).toBe(1)
  })

  it('are served once where two look at a time', async () => {
    await log.addPartitions(RAW, 4)
    await append(RAW, 3)
    await Promise.all([noteGrowth(log, 'sensors', mappings), noteGrowth(log, 'sensors', mappings)])
    await expect.poll(() => mappings.score.lag).toBe(0)
    expect(mappings.score.partitions).toBe(4)
    expect(seen.score).toEqual([`${RAW}-3/0`])
  })
})
