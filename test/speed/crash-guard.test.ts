import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Attempt,
  beginAttempt,
  endAttempt,
  type Note,
  nextAttempt,
} from '../../lib/speed/crash-guard.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

/** The attempts on one head offset when every one of them dies, over batches of these sizes. */
function deathsOn(sizes: readonly number[]): Attempt[] {
  let note: Note | undefined
  return sizes.map((records) => {
    const next = nextAttempt(note, { head: 5, records })
    note = next.note
    return next.attempt
  })
}

describe('the crash guard', () => {
  it('tries the whole batch, then less, then one alone twice, then sets it aside', () => {
    const attempts = deathsOn(Array(8).fill(400))
    expect(attempts.map(({ take }) => take)).toEqual([400, 400, 40, 4, 1, 1, 1, 1])
    expect(attempts.map(({ setAside }) => setAside)).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
      true,
      true,
    ])
  })

  it('never sets aside a record that did not kill the function alone twice, whatever batches it comes in', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 10_000 }), { maxLength: 14 }), (sizes) => {
        const attempts = deathsOn(sizes)
        attempts.forEach(({ setAside, take }, i) => {
          if (!setAside) return
          expect(take).toBe(1)
          expect(attempts.slice(0, i).filter((earlier) => earlier.take === 1).length).toBeGreaterThanOrEqual(
            2,
          )
        })
      }),
    )
  })

  it('spares the records before a poisonous one when the mapping halves its batches', () => {
    // Poison at the second record: batches of 8, 4 and 2 die, the first record alone passes.
    expect(deathsOn([8, 4, 2, 1]).at(-1)).toEqual({ take: 1, setAside: false })
  })

  it('counts deaths and not failures', async () => {
    const keyed = new MemoryKeyed()
    const begin = () => beginAttempt(keyed, 'shop.raw.g1', 0, { head: 5, records: 1 })
    for (let i = 0; i < 10; i++) {
      expect(await begin()).toEqual({ take: 1, setAside: false })
      await endAttempt(keyed, 'shop.raw.g1', 0)
    }
    const attempts = []
    for (let i = 0; i < 4; i++) attempts.push(await begin())
    expect(attempts.map(({ setAside }) => setAside)).toEqual([false, false, true, true])
  })

  it('starts anew at another head', async () => {
    const keyed = new MemoryKeyed()
    for (let i = 0; i < 8; i++) await beginAttempt(keyed, 't', 0, { head: 5, records: 1 })
    expect(await beginAttempt(keyed, 't', 0, { head: 6, records: 9 })).toEqual({ take: 9, setAside: false })
  })
})
