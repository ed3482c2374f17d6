import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { AlertActions, suppressing } from '../../lib/state/alert-actions.ts'
import { Sim, World } from '../serve/sim.ts'

function setting() {
  const sim = new Sim(3)
  const ports = new World(sim).ports()
  return { sim, actions: new AlertActions('sample', ports) }
}

describe('suppressing', () => {
  it('takes * for any text, and everything else as it is', () => {
    const test = suppressing(['1:2019284 *', 'a.b', 'x*y*z'])
    expect(['1:2019284 inbound', '1:2019284 ', 'a.b', 'xyz', 'x-y-y-z'].map(test)).toEqual(
      Array(5).fill(true),
    )
    expect(['1:20192840 inbound', 'a-b', 'xz', 'xyzz-', 'yz'].map(test)).toEqual(Array(5).fill(false))
    const rule = suppressing(['1:2019284', '1:2019284, grave'])
    const groups = ['1:2019284', '1:2019284, grave', '1:20192841', '1:20192841, grave']
    expect(groups.map(rule)).toEqual([true, true, false, false])
    expect(suppressing([])('anything')).toBe(false)
    expect(suppressing(['*'])('')).toBe(true)
    expect(suppressing(['ab*ba'])('aba')).toBe(false)
  })

  it('agrees with regular expressions on random patterns', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 7 })
    const group = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 9 })
    fc.assert(
      fc.property(text, group, (pattern, given) => {
        const expected = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(given)
        expect(suppressing([pattern])(given)).toBe(expected)
      }),
      { seed: 17, numRuns: 2000 },
    )
  })
})

describe('AlertActions', () => {
  it('keeps suppressions until they end or are ended', async () => {
    const { sim, actions } = setting()
    const groups = async () => (await sim.run(actions.suppressions())).map(({ group }) => group)
    await sim.run(actions.suppress('one', { note: 'known' }))
    await sim.run(sim.sleep(10))
    await sim.run(actions.suppress('two', { untilMs: sim.nowMs() + 5_000 }))
    expect(await groups()).toEqual(['one', 'two'])
    await sim.run(sim.sleep(5_001))
    expect(await groups()).toEqual(['one'])
    expect(await sim.run(actions.unsuppress('two'))).toBe(false)
    expect(await sim.run(actions.unsuppress('one'))).toBe(true)
    expect(await groups()).toEqual([])
  })

  it('refuses groups and notes that are too long, and none', async () => {
    const { actions } = setting()
    await expect(actions.suppress('')).rejects.toThrow('a group has 1 to 300 characters, got 0')
    await expect(actions.suppress('g'.repeat(301))).rejects.toThrow('got 301')
    await expect(actions.suppress('g', { note: 'n'.repeat(1001) })).rejects.toThrow('a note has at most 1000')
  })

  it('keeps the last word about an incident', async () => {
    const { sim, actions } = setting()
    expect(await sim.run(actions.unmark('i'))).toBe(false)
    await sim.run(actions.mark('i', { state: 'acknowledged', lastSeenMs: 5 }))
    await sim.run(actions.mark('i', { state: 'closed', lastSeenMs: 7, note: 'done' }))
    expect(await sim.run(actions.markOf('i'))).toEqual({
      state: 'closed',
      lastSeenMs: 7,
      note: 'done',
      atMs: sim.nowMs(),
    })
    expect(await sim.run(actions.unmark('i'))).toBe(true)
    expect(await sim.run(actions.markOf('i'))).toBeUndefined()
  })
})
