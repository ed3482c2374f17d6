import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { coverageProblems } from '../../lib/master/coverage.ts'
import { type MasterFile, manifestTotal } from '../../lib/master/manifest.ts'
import { filesOf, readManifest } from '../../lib/master/manifest-store.ts'
import { masterRows } from '../../lib/master/read.ts'
import { sweepOrphans } from '../../lib/master/sweep.ts'
import type { KafkaAnswer } from '../../lib/speed/kafka-event.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { enrichedPartition, eventOf, firstOf, Gate, gatedHandler, RAW, seeded } from './archive-world.ts'

beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterEach(() => {
  vi.restoreAllMocks()
})

async function rowsOf(objects: MemoryObjects): Promise<Entry[]> {
  const rows: Entry[] = []
  for await (const some of masterRows({ objects }, { name: 'test' })) rows.push(...some)
  return rows
}

/**
 * Delivers a partition as a mapping does whose functions time out, die and live on: batches cut anew, at least once,
 * several invocations at work on the same entries, each request of theirs in an order the seed decides.
 */
async function archiveAll(seed: number): Promise<{ objects: MemoryObjects; log: readonly Entry[] }> {
  const random = seeded(seed)
  const lost = random(3) === 0 ? [{ from: 20, to: 20 + 1 + random(6) }] : []
  const log = enrichedPartition(random, 60, lost)
  const expected = firstOf(log)
  const objects = new MemoryObjects()
  const gate = new Gate()
  let calm = false
  const fate = () => {
    const dice = calm ? 99 : random(40)
    return dice === 0 ? 'lost' : dice === 1 ? 'refused' : 'done'
  }
  let delivered = 0
  let attempt = 0
  let owner: { id: number; to: number; answer?: KafkaAnswer } | undefined
  const start = () => {
    const to = Math.min(log.length, delivered + 1 + random(12))
    const mine: { id: number; to: number; answer?: KafkaAnswer } = { id: attempt++, to }
    owner = mine
    const handler = gatedHandler(objects, gate, mine.id, fate, lost)
    void handler(eventOf(log, delivered, to), { getRemainingTimeInMillis: () => 60_000 }).then((answer) => {
      mine.answer = answer
    })
  }
  for (let step = 0; delivered < log.length; step++) {
    if (step > 20_000) throw new Error('the partition does not come to its end')
    calm = step > 1_000
    if (owner === undefined) start()
    await gate.step(random)
    await new Promise((resolve) => setImmediate(resolve))
    if (owner?.answer !== undefined) {
      if (owner.answer.batchItemFailures.length === 0) delivered = owner.to
      owner = undefined
    } else if (owner !== undefined && !calm && random(8) === 0) {
      if (random(3) === 0) gate.kill(owner.id)
      owner = undefined
    }
    if (random(30) === 0) {
      const rows = await rowsOf(objects)
      expect(rows).toEqual(expected.slice(0, rows.length))
    }
  }
  // Zombies finish after the partition is done.
  calm = true
  while (await gate.step(random)) await new Promise((resolve) => setImmediate(resolve))
  const { manifest } = await readManifest(objects, 'test', RAW, 0)
  expect(await rowsOf(objects)).toEqual(expected)
  const files: MasterFile[] = []
  for await (const file of filesOf(objects, manifest)) files.push(file)
  expect(coverageProblems(files, manifest.progress.highestOrigin + 1, lost)).toEqual([])
  expect(manifestTotal(manifest).rows).toBe(expected.length)
  return { objects, log }
}

describe('archive', () => {
  it('holds every origin once, its first entry, under any schedule of deaths, zombies and lost answers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        await archiveAll(seed)
      }),
      { numRuns: 40 },
    )
  }, 120_000)

  it('leaves orphans that no reader sees, and sweeps them by age without touching the master', async () => {
    const { objects, log } = await archiveAll(7)
    const orphan = 'master/test/date=2023-11-14/hour=22/test.raw.g1-0-0-5-orphan.parquet'
    await objects.put(orphan, Buffer.from('never committed'))
    const before = objects.held.size
    objects.nowMs = 10_000_000
    await expect(
      sweepOrphans({ objects, clock: { nowMs: () => 10_000_000 } }, 'test', { olderThanMs: 60_000 }),
    ).rejects.toThrow('swept at 3600000 ms or older')
    const swept = await sweepOrphans({ objects, clock: { nowMs: () => 10_000_000 } }, 'test', {
      olderThanMs: 3_600_000,
    })
    expect(swept.objects).toBeGreaterThanOrEqual(1)
    expect(objects.held.size).toBe(before - swept.objects)
    expect(objects.held.has(orphan)).toBe(false)
    expect(await rowsOf(objects)).toEqual(firstOf(log))
  })

  it('spares a young orphan: it may be about to be committed', async () => {
    const objects = new MemoryObjects()
    objects.nowMs = 9_000_000
    await objects.put('master/test/date=2023-11-14/hour=22/young.parquet', Buffer.from('young'))
    const swept = await sweepOrphans({ objects, clock: { nowMs: () => 10_000_000 } }, 'test', {
      olderThanMs: 3_600_000,
    })
    expect(swept).toEqual({ objects: 0, sizeBytes: 0 })
  })

  it('stops at a gap that no lost range explains, with nothing written', async () => {
    const objects = new MemoryObjects()
    const log = enrichedPartition(seeded(1), 10, [{ from: 4, to: 6 }])
    const gate = new Gate()
    const handler = gatedHandler(objects, gate, 0, () => 'done', [])
    const answer = handler(eventOf(log, 0, log.length), { getRemainingTimeInMillis: () => 60_000 })
    while (await Promise.race([answer.then(() => false), gate.step(() => 0).then(() => true)]))
      await new Promise((resolve) => setImmediate(resolve))
    expect((await answer).batchItemFailures).toEqual([
      { itemIdentifier: { partition: 'test.enriched.g1-0', offset: 0 } },
    ])
    expect(objects.held.size).toBe(0)
  })

  it('puts records of two hours into two folders, by append time', async () => {
    const { objects } = await archiveAll(3)
    const { manifest } = await readManifest(objects, 'test', RAW, 0)
    for await (const file of filesOf(objects, manifest)) {
      const hour = new Date(file.minAppendMs).toISOString()
      expect(file.key).toContain(`/date=${hour.slice(0, 10)}/hour=${hour.slice(11, 13)}/`)
      expect(Math.floor(file.minAppendMs / 3_600_000)).toBe(Math.floor(file.maxAppendMs / 3_600_000))
    }
  })
})
