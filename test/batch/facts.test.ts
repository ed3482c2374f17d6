import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Facts } from '../../lib/batch/facts.ts'
import { activeTemplates } from '../../lib/batch/templates.ts'
import { trainStream } from '../../lib/batch/train.ts'
import { recordRetraction, withdrawRetraction } from '../../lib/state/retractions.ts'
import { logs } from '../../streams/logs.ts'
import { network } from '../../streams/network.ts'
import { LocalWorld } from '../master/local-world.ts'
import { madeLines } from '../real/network-lines.ts'

const RAW = { logs: 'logs.raw.g1', network: 'network.raw.g1' }

describe('records that models are made of', () => {
  let world: LocalWorld
  afterEach(() => world.ports.close())

  describe('of log lines', () => {
    /** 150 usual lines, 50 of a broken source, 150 usual lines: on one partition, in files of seven. */
    beforeEach(async () => {
      world = await LocalWorld.open(logs)
      const usual = (i: number) => `request ${i} was served`
      await world.feed(0, ...Array.from({ length: 150 }, (_, i) => usual(i)))
      await world.feed(0, ...Array.from({ length: 50 }, (_, i) => `self test number ${i} of the lab`))
      await world.feed(0, ...Array.from({ length: 150 }, (_, i) => usual(i + 150)))
      await world.run(['score', 'archive'])
    })

    const retract = (from: number, to: number) =>
      recordRetraction(world.ports.keyed, { topic: RAW.logs, partition: 0, from, to }, 'a test', 1)

    const templates = async () => {
      const training = await trainStream(world.ports, logs, { seed: 1 })
      expect(training.published).toBe(true)
      const found = (await activeTemplates(world.ports, 'logs')) ?? []
      return found.map(({ template, count }) => [template, count])
    }

    it('leave out what is retracted, to the record, and take it in again once that is withdrawn', async () => {
      expect(await templates()).toEqual([
        ['request <*> was served', 300],
        ['self test number <*> of the lab', 50],
      ])
      const { id } = await retract(150, 199)
      expect(await templates()).toEqual([
        ['request <*> was served', 300],
        ['self test number <*> of the lab', 1],
      ])
      await retract(199, 201)
      expect(await templates()).toEqual([['request <*> was served', 299]])
      await withdrawRetraction(world.ports.keyed, 'logs', id, 'it was none', 2)
      expect(await templates()).toEqual([
        ['request <*> was served', 299],
        ['self test number <*> of the lab', 49],
      ])
    })

    it('are the same at each reading, whatever is archived or retracted between', async () => {
      const facts = await Facts.open(world.ports, logs)
      const read = async () => {
        const lines: unknown[] = []
        for await (const some of facts.observed(['message']))
          lines.push(...some.map(({ value }) => value.message))
        return lines
      }
      const first = await read()
      expect(first).toHaveLength(350)
      await world.feed(0, 'one more line')
      await world.run(['score', 'archive'])
      await retract(0, 10)
      expect(await read()).toEqual(first)
    })
  })

  it('leave retracted stretches out of the sample that forests grow on', async () => {
    world = await LocalWorld.open(network)
    for (let partition = 0; partition < 2; partition++)
      await world.feed(partition, ...madeLines(3000).slice(partition * 1500, (partition + 1) * 1500))
    await world.run(['score', 'archive'], 500)
    const rows = async () => (await trainStream(world.ports, network, { seed: 1 })).rows
    expect(await rows()).toBe(3000)
    const stretch = { topic: RAW.network, partition: 1, from: 400, to: 1200 }
    await recordRetraction(world.ports.keyed, stretch, 'a test', 1)
    expect(await rows()).toBe(2200)
    const facts = await Facts.open(world.ports, network)
    let read = 0
    for await (const some of facts.values(['src_bytes']))
      for (const value of some) {
        expect(Object.keys(value)).toEqual(['src_bytes'])
        read++
      }
    expect(read).toBe(2200)
  })
})
