import { describe, expect, it } from 'vitest'
import type { Item } from '../../lib/ports/keyed-store.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import { sampleAlert } from '../serve/sample.ts'
import { Sim, World } from '../serve/sim.ts'

let commits = 0
/** A progress item that nobody else writes. */
const commit = () => {
  const item: Item = { pk: 'progress', sk: String(commits++), rev: '1', data: new Uint8Array(0) }
  return { item, condition: 'absent' as const }
}

function setting(seed = 1) {
  const sim = new Sim(seed)
  const world = new World(sim)
  return { sim, world, open: () => new AlertLog('sample', world.ports()) }
}

describe('AlertLog', () => {
  it('numbers pages from 0 on, without a gap, and counts alerts', async () => {
    const { sim, open } = setting()
    const log = open()
    const read = await sim.run(
      (async () => {
        expect(await log.end()).toEqual({ page: 0, total: 0 })
        await log.append([sampleAlert(0), sampleAlert(1)], commit())
        await open().append([sampleAlert(2)], commit())
        const other = open()
        return {
          end: await log.end(),
          pages: [await other.page(0), await other.page(1), await other.page(2)],
        }
      })(),
    )
    expect(read.end).toEqual({ page: 2, total: 3 })
    expect(read.pages).toEqual([[sampleAlert(0), sampleAlert(1)], [sampleAlert(2)], undefined])
  })

  it('writes nothing where the progress has moved', async () => {
    const { sim, world, open } = setting()
    const taken = commit()
    await sim.run(open().append([sampleAlert(0)], taken))
    expect(await sim.run(open().append([sampleAlert(1)], taken))).toBe('moved')
    expect(world.items.get('alerts/sample')?.size).toBe(1)
  })

  it('gives every one of many writers a page of its own', async () => {
    const { sim, open } = setting(7)
    const writers = Array.from({ length: 40 }, (_, i) => open().append([sampleAlert(i)], commit()))
    await sim.run(Promise.all(writers))
    const log = open()
    const ids = await sim.run(
      (async () => {
        const { page } = await log.end()
        const found: string[] = []
        for (let n = 0; n < page; n++) found.push(...((await log.page(n)) ?? []).map(({ id }) => id))
        return found
      })(),
    )
    expect(new Set(ids).size).toBe(40)
    expect(ids).toHaveLength(40)
  })

  it('puts a large page into an object, once however often its number is lost', async () => {
    const { sim, world, open } = setting(3)
    const text = Array.from({ length: 60_000 }, (_, i) => ((i * 2_654_435_761) >>> 7).toString(36)).join('')
    const large = (n: number) => [sampleAlert(n, { record: { text: `${n}${text}` } })]
    await sim.run(Promise.all([0, 1, 2, 3].map((n) => open().append(large(n), commit()))))
    expect(world.objects.size).toBe(4)
    for (const { data } of world.items.get('alerts/sample')?.values() ?? [])
      expect(data.length).toBeLessThan(400)
    const log = open()
    const texts = await sim.run(
      Promise.all([0, 1, 2, 3].map(async (page) => (await log.page(page))?.[0]?.record.text)),
    )
    expect(texts.sort()).toEqual([0, 1, 2, 3].map((n) => `${n}${text}`))
  })

  it('never lets a reader pass a page that it has not seen, though a query may show a later one first', async () => {
    const { sim, world, open } = setting()
    const writer = open()
    await sim.run(writer.append([sampleAlert(0)], commit()))
    const reader = open()
    await sim.run(reader.end())
    await sim.run(writer.append([sampleAlert(1)], commit()))
    await sim.run(writer.append([sampleAlert(2)], commit()))
    // What a query over several reads may return: the later page, not yet the one before it.
    const pages = world.items.get('alerts/sample')
    const hidden = pages?.get('0000000000000001') as Item
    pages?.delete(hidden.sk)
    expect(await sim.run(reader.end())).toEqual({ page: 1, total: 1 })
    pages?.set(hidden.sk, hidden)
    expect(await sim.run(reader.end())).toEqual({ page: 3, total: 3 })
  })

  it('finds where the alerts of a time begin', async () => {
    const { sim, open } = setting()
    const log = open()
    const times: number[] = []
    for (let n = 0; n < 25; n++) {
      await sim.run(sim.sleep(1_000))
      times.push(sim.nowMs())
      await sim.run(log.append([sampleAlert(n)], commit()))
    }
    for (const [page, timeMs] of times.entries()) {
      expect(await sim.run(open().positionAt(timeMs))).toEqual({ page, index: 0 })
      expect(await sim.run(open().positionAt(timeMs + 1))).toEqual({ page: page + 1, index: 0 })
    }
    expect(await sim.run(open().positionAt(0))).toEqual({ page: 0, index: 0 })
  })
})
