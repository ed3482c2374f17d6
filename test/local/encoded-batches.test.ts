import { describe, expect, it } from 'vitest'
import { EncodedBatches } from '../../lib/local/encoded-batches.ts'
import type { StoredBatch } from '../../lib/ports/event-log.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'

const TOPIC = 'network.enriched.g1'
const MB = 1024 * 1024

/** A log of many partitions that counts how often it is read. */
class CountedLog {
  readonly #lanes = new Map<number, StoredBatch[]>()
  reads = 0
  batchesARead = 1

  append(partition: number, sizeBytes: number): StoredBatch {
    const lane = this.#lanes.get(partition) ?? []
    this.#lanes.set(partition, lane)
    const records = recordBatch([{ value: Buffer.alloc(sizeBytes, 97) }])
    const batch = { baseOffset: lane.length, appendTimeMs: 1, records }
    lane.push(batch)
    return batch
  }

  async read(_topic: string, partition: number, from: number): Promise<readonly StoredBatch[]> {
    this.reads++
    return (this.#lanes.get(partition) ?? []).slice(from, from + this.batchesARead)
  }
}

function setUp(heldBytesMax: number) {
  const log = new CountedLog()
  const batches = new EncodedBatches(log, heldBytesMax)
  for (const partition of [0, 1]) {
    batches.passed('fast', TOPIC, partition, 0)
    batches.passed('slow', TOPIC, partition, 0)
  }
  const add = (partition: number, sizeBytes: number) =>
    batches.add(TOPIC, partition, log.append(partition, sizeBytes))
  return { log, batches, add }
}

describe('encoded batches', () => {
  it('counts all the memory it holds, and stays within its limit', () => {
    const { batches, add } = setUp(8 * MB)
    let most = 0
    for (let i = 0; i < 40; i++) {
      add(i % 2, i % 3 === 0 ? 10 : 400_000)
      most = Math.max(most, batches.heldBytes)
      if (i % 10 === 9)
        for (const reader of ['fast', 'slow']) batches.passed(reader, TOPIC, i % 2, Math.floor(i / 2))
    }
    expect(most).toBeGreaterThan(4 * MB)
    expect(most).toBeLessThanOrEqual(8 * MB)
  })

  it('goes on from memory for a reader that keeps up, however far another one is behind', async () => {
    const { log, batches, add } = setUp(4 * MB)
    for (let i = 0; i < 60; i++) {
      add(0, 300_000)
      const [batch] = await batches.from(TOPIC, 0, i)
      expect(batch).toMatchObject({ baseOffset: i, count: 1 })
      batches.passed('fast', TOPIC, 0, i + 1)
    }
    expect(log.reads).toBe(0)
    // The stuck reader gets its own from the log, in order, and takes nothing from the fast one.
    for (let i = 0; i < 10; i++) {
      expect((await batches.from(TOPIC, 0, i))[0]).toMatchObject({ baseOffset: i })
      batches.passed('slow', TOPIC, 0, i + 1)
      add(0, 300_000)
      const before = log.reads
      expect((await batches.from(TOPIC, 0, 60 + i))[0]).toMatchObject({ baseOffset: 60 + i })
      expect(log.reads).toBe(before)
      batches.passed('fast', TOPIC, 0, 61 + i)
    }
    expect(log.reads).toBe(10)
  })

  it('takes from the partition that holds most and leaves the others their own', async () => {
    const { log, batches, add } = setUp(4 * MB)
    add(1, 1000)
    for (let i = 0; i < 30; i++) add(0, 300_000)
    expect((await batches.from(TOPIC, 1, 0))[0]).toMatchObject({ baseOffset: 0 })
    expect(log.reads).toBe(0)
  })

  it('makes way for a reader that keeps up where one far behind has left its own', async () => {
    const { log, batches, add } = setUp(4 * MB)
    for (let i = 0; i < 3; i++) log.append(0, 1000)
    await batches.from(TOPIC, 0, 0)
    batches.passed('fast', TOPIC, 0, 3)
    expect(log.reads).toBe(1)
    add(0, 1000)
    expect((await batches.from(TOPIC, 0, 3))[0]).toMatchObject({ baseOffset: 3 })
    expect(log.reads).toBe(1)
  })

  it('makes text of no more than is wanted, and reads nothing twice that it had room for', async () => {
    const { log, batches } = setUp(8 * MB)
    for (let i = 0; i < 8; i++) log.append(0, 1000)
    log.batchesARead = 8
    const wanted = { records: 2, bytes: MB }
    const first = await batches.from(TOPIC, 0, 0, wanted)
    expect(first.map(({ baseOffset }) => baseOffset)).toEqual([0, 1])
    const heldAsRead = batches.heldBytes
    const next = await batches.from(TOPIC, 0, 1, wanted)
    expect(next.map(({ baseOffset }) => baseOffset)).toEqual([1, 2])
    expect(next[0]).toBe(first[1])
    expect(batches.heldBytes).toBeGreaterThan(heldAsRead)
    expect(await batches.from(TOPIC, 0, 3, { records: 100, bytes: 2500 })).toHaveLength(2)
    expect(log.reads).toBe(1)
  })
})
