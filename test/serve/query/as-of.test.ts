import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { masterRows } from '../../../lib/master/read.ts'
import { queryAsOf } from '../../../lib/serve/query/as-of.ts'
import { queryView } from '../../../lib/serve/query.ts'
import { recordRetraction } from '../../../lib/state/retractions.ts'
import type { Entry } from '../../../lib/stream/entry.ts'
import { compileView } from '../../../lib/views/view.ts'
import { LocalWorld } from '../../master/local-world.ts'
import { testStream } from '../../master/test-stream.ts'
import { bruteForce, expected, plain, sorted } from './batch-world.ts'

const SEED = 20261122
const byText = compileView('test', 'byText', testStream.views.byText ?? (undefined as never))
const byList = compileView('test', 'byList', testStream.views.byList ?? (undefined as never))

let world: LocalWorld
afterEach(() => world.ports.close())

const anyRecords = fc.array(
  fc.record({
    text: fc.constantFrom('a', 'b', 'c'),
    list: fc.array(fc.constantFrom('p', 'q'), { maxLength: 2 }),
    integer: fc.nat(),
    pauseMs: fc.nat({ max: 200_000 }),
  }),
  { minLength: 1, maxLength: 25 },
)

async function entriesOfMaster(): Promise<readonly Entry[]> {
  const entries: Entry[] = []
  for await (const rows of masterRows(world.ports, testStream)) entries.push(...rows)
  return entries
}

const ask = (view: typeof byText, asOfMs: number, options = {}) =>
  queryAsOf(world.ports, testStream, view, { asOfMs, slackMs: 0, ...options }, world.clock.ms)

describe('a query as of a time', () => {
  it('answers as the view did then: from what had been appended before', { timeout: 240_000 }, async () => {
    const runs = fc.asyncProperty(anyRecords, fc.nat(), fc.boolean(), async (records, at, bySlot) => {
      world = await LocalWorld.open(testStream)
      const answers: { atMs: number; rows: readonly object[] }[] = []
      for (const [i, { pauseMs, ...value }] of records.entries()) {
        world.clock.ms += pauseMs
        await world.feed(i % 2, i % 7 === 5 ? 'no JSON' : JSON.stringify(value))
        await world.run()
        world.clock.ms += 1
        const { rows } = await queryView(world.ports, byText, { bySlot }, world.clock.ms)
        answers.push({ atMs: world.clock.ms, rows })
      }
      const then = answers[at % answers.length]
      if (then === undefined) throw new Error('no answer')
      // What was really answered at that moment, and what brute force makes of it.
      expect((await ask(byText, then.atMs, { bySlot })).rows).toEqual(then.rows)
      const entries = (await entriesOfMaster()).filter(({ appendTime }) => appendTime < then.atMs)
      for (const view of [byText, byList])
        for (const options of [
          { bySlot },
          { bySlot, from: then.atMs - 500_000 },
          { to: then.atMs - 500_000 },
          { key: 'p' },
        ]) {
          const { rows, asOf } = await ask(view, then.atMs, options)
          expect(sorted(plain(rows))).toEqual(sorted(expected(view, entries, options)))
          expect(asOf).toBe(new Date(then.atMs).toISOString())
        }
      await world.ports.close()
    })
    console.log(`seed ${SEED}`)
    await fc.assert(runs, { numRuns: 20, seed: SEED })
    world = await LocalWorld.open(testStream)
  })

  it('is refused beyond what the master holds, with the time up to which it is complete', async () => {
    world = await LocalWorld.open(testStream)
    await world.feed(0, '{"text":"a"}')
    await world.run()
    world.clock.ms += 1_000
    const firstMs = world.clock.ms
    await world.feed(0, '{"text":"a"}', '{"text":"b"}')
    await world.run(['score'])
    expect((await ask(byText, firstMs - 1_000)).rows).toEqual([])
    // The archive's last record in this partition was appended a second before.
    const message = new RegExp(`complete up to ${new Date(firstMs - 1_000).toISOString()}`)
    await expect(ask(byText, firstMs - 999)).rejects.toThrow(message)
    await world.run(['archive'])
    expect((await ask(byText, world.clock.ms)).rows.map(({ key, count }) => [key, count])).toEqual([['a', 1]])
    await expect(ask(byText, world.clock.ms + 1)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(ask(byText, world.clock.ms, { slackMs: 1 })).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    world.clock.ms += 1
    expect((await ask(byText, world.clock.ms)).rows.map(({ key, count }) => [key, count])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
  })

  it('waits for no lost record, and needs no partition that is empty', async () => {
    world = await LocalWorld.open(testStream)
    await world.feed(0, '{"text":"a"}')
    await world.run()
    await world.lose(0, '{"text":"gone"}')
    world.clock.ms += 10
    expect((await ask(byText, world.clock.ms)).rows).toHaveLength(1)
  })

  it('leaves out what is retracted today', async () => {
    world = await LocalWorld.open(testStream)
    await world.feed(0, '{"text":"a"}', '{"text":"bad"}', '{"text":"a"}')
    await world.run()
    world.clock.ms += 10
    const stretch = { topic: 'test.raw.g1', partition: 0, from: 1, to: 2 }
    await recordRetraction(world.ports.keyed, stretch, 'a broken sensor', world.clock.ms)
    expect((await ask(byText, world.clock.ms)).rows.map(({ key, count }) => [key, count])).toEqual([['a', 2]])
    expect(bruteForce(byText, await entriesOfMaster()).size).toBe(2)
  })
})
