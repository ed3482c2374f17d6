import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimClient } from './sim-client.ts'
import { SimSite } from './sim-site.ts'

const PARTITIONS = [0, 1, 2]

interface Attack {
  readonly kill: number
  readonly zombie: number
  readonly disconnects: number
}

/** A site under attack with two subscribers from the start, both at rest at the end. */
async function subscribed(seed: number, { disconnects, ...odds }: Attack) {
  const site = new SimSite(seed)
  const { sim } = site
  const contents = PARTITIONS.map((partition) => site.enriched(partition, 40))
  const each = new SimClient(site, { channel: 'alerts/sample' }, 'start')
  const grouped = new SimClient(site, { channel: 'incidents/sample' }, 'start')
  const restless = async (client: SimClient) => {
    await client.connect()
    for (let i = 0; i < disconnects; i++) {
      for (let pauses = sim.below(60); pauses > 0; pauses--) await sim.pause()
      await client.disconnect()
      await client.connect()
    }
  }
  const deliver = contents.map(({ entries }, partition) => site.deliver(partition, entries, odds))
  await sim.run(Promise.all([...deliver, restless(each), restless(grouped)]))
  return { site, each, grouped, expected: contents.flatMap(({ alerts }) => alerts).sort() }
}

const settle = (site: SimSite) => site.sim.run(site.sim.sleep(60_000))

describe('a subscriber has every alert exactly once', () => {
  it.each([
    { name: 'without a ping, undisturbed', attack: { kill: 0, zombie: 0, disconnects: 0 }, ping: false },
    { name: 'without a ping, notify killed', attack: { kill: 0.4, zombie: 0, disconnects: 0 }, ping: false },
    { name: 'without a ping, with zombies', attack: { kill: 0, zombie: 0.4, disconnects: 0 }, ping: false },
    { name: 'going and coming', attack: { kill: 0, zombie: 0, disconnects: 6 }, ping: false },
    { name: 'everything at once', attack: { kill: 0.3, zombie: 0.3, disconnects: 6 }, ping: true },
  ])('$name', { timeout: 120_000 }, async ({ attack, ping }) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const { site, each, grouped, expected } = await subscribed(seed, attack)
        await settle(site)
        if (ping) {
          await site.sim.run(Promise.all([each.ping(), grouped.ping()]))
          await settle(site)
        }
        expect(each.taken.map(({ id }) => id).sort()).toEqual(expected)
        expect(grouped.taken.reduce((sum, { count }) => sum + count, 0)).toBe(expected.length)
        expect([...each.errors, ...grouped.errors]).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})
