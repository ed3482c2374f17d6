import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { StoredBatch } from '../../lib/ports/event-log.ts'
import { firstSeen } from '../../lib/speed/first-seen.ts'
import { noteFencing, recordGaps } from '../../lib/state/fencings.ts'
import { lostRanges, offsetsGone } from '../../lib/state/lost.ts'
import { RecordBatch, recordBatch } from '../../lib/stream/record-batch.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { MemoryLog } from '../support/memory-log.ts'

const TOPIC = 'network.raw.g1'
const PARTITIONS = 2

/** A log whose fencing takes an offset of every partition, as Kafka's does, and whose reads leave those out. */
class GappyLog extends MemoryLog {
  override async fence(name: string, topic: string) {
    for (const batches of this.topics.get(topic) ?? []) {
      const { end } = await this.offsets(topic, this.topics.get(topic)?.indexOf(batches) ?? 0)
      batches.push({ baseOffset: end, appendTimeMs: 0, records: ONE_CONTROL })
    }
    return super.fence(name, topic)
  }

  override async read(topic: string, partition: number, from: number): Promise<readonly StoredBatch[]> {
    const batches = await super.read(topic, partition, from)
    const { end } = await this.offsets(topic, partition)
    const records = batches.filter((batch) => batch.records !== ONE_CONTROL)
    if (records.length > 0 || from >= end) return records
    return [{ baseOffset: end, appendTimeMs: 0, records: new RecordBatch(new Uint8Array(0), 0) }]
  }
}

const ONE_CONTROL = recordBatch([{ value: Buffer.from('control') }])

type Step =
  | { readonly what: 'append'; readonly partition: number; readonly records: number }
  | { readonly what: 'fence'; readonly name: string; readonly diesAfter: 'note' | 'fence' | 'nothing' }
  | { readonly what: 'look' }

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    what: fc.constant('append' as const),
    partition: fc.nat(PARTITIONS - 1),
    records: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({
    what: fc.constant('fence' as const),
    name: fc.constantFrom('a', 'b'),
    diesAfter: fc.constantFrom('note' as const, 'fence' as const, 'nothing' as const),
  }),
  fc.constant({ what: 'look' as const }),
)

describe('fencing that takes offsets', () => {
  it('leaves no gap unexplained and explains no record away, wherever a process dies', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
        const ports = { log: new GappyLog(), keyed: new MemoryKeyed() }
        await ports.log.createTopic(TOPIC, PARTITIONS)
        for (const one of steps) await take(ports, one)
        // What a dead process left open, the next one finds.
        await noteFencing(ports, TOPIC, 'last')
        await ports.log.fence('last', TOPIC)
        await recordGaps(ports, TOPIC)
        for (let partition = 0; partition < PARTITIONS; partition++) await check(ports, partition)
      }),
      { numRuns: 300 },
    )
  })
})

interface World {
  readonly log: GappyLog
  readonly keyed: MemoryKeyed
}

async function take(ports: World, one: Step): Promise<void> {
  if (one.what === 'look') return recordGaps(ports, TOPIC)
  if (one.what === 'append') {
    const records = Array.from({ length: one.records }, () => ({ value: Buffer.from('x') }))
    await ports.log.append(TOPIC, one.partition, recordBatch(records))
    return
  }
  await noteFencing(ports, TOPIC, one.name)
  if (one.diesAfter === 'note') return
  await ports.log.fence(one.name, TOPIC)
  if (one.diesAfter === 'nothing') await recordGaps(ports, TOPIC)
}

/** The ranges hold exactly the offsets without a record, once each, and rule 4 passes over them and nothing else. */
async function check({ log, keyed }: World, partition: number): Promise<void> {
  const batches = log.topics.get(TOPIC)?.[partition] ?? []
  const [control, records]: [number[], number[]] = [[], []]
  for (const { baseOffset, records: batch } of batches)
    for (let i = 0; i < batch.count; i++) (batch === ONE_CONTROL ? control : records).push(baseOffset + i)
  const ranges = await lostRanges(keyed, TOPIC, partition)
  expect(ranges).toEqual(control.map((from) => ({ from, to: from + 1, kind: 'control' })))
  expect(offsetsGone(ranges, { from: 0, to: control.length + records.length })).toBe(control.length)
  const delivered = records.map((origin, offset) => ({ offset, origin, text: '' }))
  const start = { nextOffset: 0, highestOrigin: -1 }
  const { seen } = firstSeen('test', start, delivered, ranges)
  expect(seen.map(({ origin }) => origin)).toEqual(records)
  for (const missing of records.slice(0, -1)) {
    const without = delivered.filter(({ origin }) => origin !== missing)
    expect(() => firstSeen('test', start, without, ranges)).toThrow(/expected origin/)
  }
}
