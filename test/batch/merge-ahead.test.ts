import { expect, it } from 'vitest'
import { mergePart } from '../../lib/batch/merge.ts'
import { planMerge } from '../../lib/batch/plan-merge.ts'
import { partialKey, settlePlan } from '../../lib/batch/run-plan.ts'
import { packSegments } from '../../lib/formats/segment-pack.ts'
import { SegmentWriter } from '../../lib/formats/segment-write.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import { compileView } from '../../lib/views/view.ts'
import { MemoryObjects } from '../master/memory-objects.ts'

const SOURCES = 100
const definition = {
  title: 'Texts',
  groupBy: ['text'],
  slotMs: 300_000,
  aggregates: { count: { kind: 'count' as const } },
}
const view = compileView('test', 'byText', definition)
const clock = { nowMs: () => 0 }

/** A run of one view that is to be merged of very many partials, as a stream with as many partitions makes them. */
async function planned(objects: ObjectStore) {
  const step = { stream: 'test', run: 'wide' }
  const one = { name: 'byText', version: view.version, definition }
  const shards = Array.from({ length: SOURCES }, (_, i) => `shard-${i}`)
  for (const [i, shard] of shards.entries()) {
    const writer = new SegmentWriter({ slotMs: definition.slotMs, from: 0 })
    const entry = { outcome: 'ok' as const, value: { text: 'a' } }
    const base = { site: 'here', topic: 'test.raw.g1', partition: i, offset: 0, appendTime: 0, eventTime: 0 }
    writer.add({ key: 'a', slots: [0], states: [view.toJson(view.add(view.empty, { ...base, ...entry }))] })
    const { bytes, ...note } = writer.finish()
    await objects.put(partialKey(step, one, shard), packSegments(1, [{ ...note, from: 0, bytes }]))
  }
  const covers = { horizon: 1, epochMs: 60_000, partitions: [], retractions: '' }
  const groups = [{ views: [one], shards, records: SOURCES }]
  await settlePlan(objects, { form: 1, ...step, plannedMs: 0, covers, groups, late: [], retractions: [] })
  return step
}

it('a merge asks for some of its sources at a time, not for one, and not for all', async () => {
  const own = new MemoryObjects()
  const step = await planned(own)
  let underWay = 0
  let most = 0
  const get: ObjectStore['get'] = async (key, range) => {
    most = Math.max(most, ++underWay)
    await new Promise((resolve) => setImmediate(resolve))
    underWay--
    return own.get(key, range)
  }
  const objects = new Proxy<ObjectStore>(own, {
    get(target, name) {
      const member: unknown = name === 'get' ? get : Reflect.get(target, name, target)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  const { parts } = await planMerge(objects, step)
  expect(parts.length).toBe(1)
  most = 0
  for (const part of parts) await mergePart({ objects, clock }, { ...step, part })
  expect(most).toBeGreaterThan(8)
  expect(most).toBeLessThanOrEqual(16)
})
