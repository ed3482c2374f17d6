import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AlertLog } from '../../lib/state/alert-log.ts'
import { SimSite } from '../serve/sim-site.ts'

const PARTITIONS = [0, 1, 2]

async function alertsAfter(seed: number, odds: { kill: number; zombie: number }) {
  const site = new SimSite(seed)
  const contents = PARTITIONS.map((partition) => site.enriched(partition, 40))
  const delivered = contents.map(({ entries }, partition) => site.deliver(partition, entries, odds))
  await site.sim.run(Promise.all(delivered))
  const log = new AlertLog('sample', site.world.ports())
  const read = async () => {
    const ids: string[] = []
    const end = await log.end()
    for (let page = 0; page < end.page; page++)
      for (const { id } of (await log.page(page)) ?? []) ids.push(id)
    return { ids, end }
  }
  return { ...(await site.sim.run(read())), expected: contents.map(({ alerts }) => alerts), site }
}

describe('rule 11: each alert is in the log exactly once', () => {
  it.each([
    { name: 'undisturbed', odds: { kill: 0, zombie: 0 }, runs: 50 },
    { name: 'killed at any await', odds: { kill: 0.5, zombie: 0 }, runs: 200 },
    { name: 'with zombies at work', odds: { kill: 0, zombie: 0.5 }, runs: 200 },
    { name: 'with both', odds: { kill: 0.4, zombie: 0.4 }, runs: 300 },
  ])('$name', { timeout: 120_000 }, async ({ odds, runs }) => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (seed) => {
        const { ids, end, expected, site } = await alertsAfter(seed, odds)
        expect([...ids].sort()).toEqual(expected.flat().sort())
        for (const [partition, alerts] of expected.entries())
          expect(ids.filter((id) => id.includes(`/${partition}/`))).toEqual(alerts)
        expect(end.total).toBe(ids.length)
        const pages = [...(site.world.items.get('alerts/sample')?.keys() ?? [])].map(Number)
        expect(pages.sort((a, b) => a - b)).toEqual(pages.map((_, i) => i))
      }),
      { numRuns: runs },
    )
  })
})
