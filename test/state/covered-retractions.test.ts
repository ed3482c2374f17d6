import { describe, expect, it } from 'vitest'
import { retractionNotes, retractionsOf } from '../../lib/state/covered-retractions.ts'
import {
  allRetractions,
  readRetractions,
  recordRetraction,
  withdrawRetraction,
} from '../../lib/state/retractions.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

const TOPIC = 'test.raw.g1'
const stretch = (from: number, partition = 0) => ({ topic: TOPIC, partition, from, to: from + 10 })
const covers = { partitions: [{ topic: TOPIC, partition: 0, end: 200, below: 100, beyond: 100 }] }

async function built(keyed: MemoryKeyed) {
  return { ...covers, ...retractionNotes(await readRetractions(keyed, 'test'), covers) }
}
const idsOf = (found: readonly { readonly id: string }[] | undefined) => found?.map(({ id }) => id)

describe('the retractions a batch view was built with', () => {
  it('are those, also where one was withdrawn and recorded anew since', async () => {
    const keyed = new MemoryKeyed()
    const a = await recordRetraction(keyed, stretch(0), 'x', 1_000)
    const b = await recordRetraction(keyed, stretch(50), 'x', 2_000)
    const view = await built(keyed)
    await withdrawRetraction(keyed, 'test', a.id, 'y', 3_000)
    await withdrawRetraction(keyed, 'test', b.id, 'y', 4_000)
    await recordRetraction(keyed, stretch(0), 'again', 5_000)
    expect(idsOf(retractionsOf(view, await allRetractions(keyed, 'test')))).toEqual([a.id, b.id])
  })

  it('are those, also where a later one was recorded by a clock that is behind', async () => {
    const keyed = new MemoryKeyed()
    const a = await recordRetraction(keyed, stretch(0), 'a clock ahead', 9_000)
    const view = await built(keyed)
    await recordRetraction(keyed, stretch(50), 'another machine', 2_000)
    expect(idsOf(retractionsOf(view, await allRetractions(keyed, 'test')))).toEqual([a.id])
  })

  it('are only those of records that it covers', async () => {
    const keyed = new MemoryKeyed()
    const across = await recordRetraction(keyed, stretch(95), 'x', 1)
    await recordRetraction(keyed, stretch(100), 'x', 1)
    await recordRetraction(keyed, stretch(0, 1), 'x', 1)
    expect((await built(keyed)).retractionIds).toEqual([across.id])
  })

  it('are none that anybody recorded where the digest says otherwise', async () => {
    const keyed = new MemoryKeyed()
    await recordRetraction(keyed, stretch(0), 'x', 1)
    const view = await built(keyed)
    expect(retractionsOf({ ...view, retractionIds: [] }, await allRetractions(keyed, 'test'))).toBeUndefined()
    expect(retractionsOf(view, [])).toBeUndefined()
  })

  it('are found by time where no ids were noted', async () => {
    const keyed = new MemoryKeyed()
    const a = await recordRetraction(keyed, stretch(0), 'x', 1_000)
    const { retractionIds: _, ...view } = await built(keyed)
    await recordRetraction(keyed, stretch(50), 'x', 2_000)
    expect(idsOf(retractionsOf(view, await allRetractions(keyed, 'test')))).toEqual([a.id])
  })
})
