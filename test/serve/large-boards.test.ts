import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { queryView } from '../../lib/serve/query.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import { partsOfItem } from '../../lib/state/board-body.ts'
import { partKey } from '../../lib/state/board-parts.ts'
import { readBoards } from '../../lib/state/boards.ts'
import { sweepBoards } from '../../lib/state/sweep-boards.ts'
import { compileView } from '../../lib/views/view.ts'
import { LocalWorld } from '../master/local-world.ts'
import { testStream } from '../master/test-stream.ts'

const view = compileView('test', 'byList', testStream.views.byList ?? missing())

function missing(): never {
  throw new Error('no view byList')
}

describe('boards larger than an item', () => {
  let world: LocalWorld
  /** 100,000 keys in one slot, 200 records, and one value of half a megabyte. */
  beforeEach(async () => {
    world = await LocalWorld.open(testStream)
    for (let i = 0; i < 100; i++) {
      const list = Array.from({ length: 1_000 }, (_, j) => `key ${i} ${j}`)
      await world.feed(0, JSON.stringify({ text: 'a', list }), JSON.stringify({ text: 'b', list, number: i }))
    }
    await world.feed(0, JSON.stringify({ text: 'x'.repeat(500_000) }))
    await world.run(undefined, 50)
  })
  afterEach(() => world.ports.close())

  async function parts(): Promise<string[]> {
    const found: string[] = []
    for await (const { sk, data } of world.ports.keyed.query(`board/${view.id}/${view.version}`))
      found.push(...partsOfItem(data).map(({ name }) => partKey(view, sk, name)))
    return found
  }

  it('answer and verify as any others, before and after what was replaced is swept', async () => {
    for (const swept of [false, true]) {
      if (swept) expect(await sweepBoards(world.ports, 'test')).toBeGreaterThan(0)
      const { rows } = await queryView(world.ports, view, {}, 0)
      expect(rows).toHaveLength(100_000)
      expect(rows.every(({ count }) => count === 2)).toBe(true)
      const report = await verifyStream(world.ports, testStream)
      expect(report).toMatchObject({ exact: true, complete: true, problems: [] })
    }
  }, 240_000)

  it('are found out where their object is gone or another, and never read as empty', async () => {
    const [object] = await parts()
    if (object === undefined) throw new Error('no board has spilled')
    const stored = await world.ports.objects.get(object)
    await world.ports.objects.put(object, Buffer.from('{"form":2,"mark":1,"keys":[]}'))
    await expect(readBoards(world.ports, view).next()).rejects.toThrow(/holds mark 1, its name says another/)
    await world.ports.objects.delete(object)
    await expect(readBoards(world.ports, view).next()).rejects.toThrow(/that board .* lists is missing/)
    await world.ports.objects.put(object, stored?.bytes ?? new Uint8Array())
    expect((await readBoards(world.ports, view).next()).value?.board.keys.size).toBe(100_000)
  }, 240_000)
})
