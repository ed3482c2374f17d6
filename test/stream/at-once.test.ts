import fc from 'fast-check'
import { expect, it } from 'vitest'
import { mapAtOnce, readAhead } from '../../lib/stream/at-once.ts'

const SEED = 20261207

it('answers in the order of the items, with no more under way than allowed', async () => {
  console.log(`seed ${SEED}`)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 3 })),
      fc.integer({ min: 1, max: 5 }),
      async (turns, max) => {
        let underWay = 0
        let most = 0
        const slow = async (turn: number) => {
          most = Math.max(most, ++underWay)
          for (let i = 0; i < turn; i++) await Promise.resolve()
          underWay--
          return turn * 2
        }
        expect(await mapAtOnce(turns, slow, max)).toEqual(turns.map((turn) => turn * 2))
        expect(most).toBe(Math.min(max, turns.length))
      },
    ),
    { seed: SEED },
  )
})

it('rejects with the first failure', async () => {
  const failing = async (n: number) => {
    if (n === 3) throw new Error('no 3')
    return n
  }
  await expect(mapAtOnce([1, 2, 3, 4], failing, 2)).rejects.toThrow('no 3')
})

it('reads ahead in order, no further than allowed, and fails where the item does', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(9)), fc.nat(4), fc.option(fc.nat(12)), async (items, ahead, failing) => {
      let begun = 0
      const action = async (n: number) => {
        if (begun++ === failing) throw new Error('this one')
        return n
      }
      const taken: number[] = []
      const all = (async () => {
        for await (const n of readAhead(items, action, ahead)) {
          taken.push(n)
          expect(begun).toBe(Math.min(items.length, taken.length + ahead))
        }
      })()
      if (failing === null || failing >= items.length) await all
      else await expect(all).rejects.toThrow('this one')
      expect(taken).toEqual(items.slice(0, failing ?? items.length))
    }),
    { seed: SEED },
  )
})
