import { describe, expect, it } from 'vitest'
import { attemptAfter, beginAttempt, endAttempt } from '../../lib/speed/crash-guard.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

describe('the crash guard', () => {
  it('tries the whole batch, then less, then one alone, then sets it aside', () => {
    const takes = [0, 1, 2, 3, 4, 5].map((deaths) => attemptAfter(deaths, 400))
    expect(takes.map(({ take }) => take)).toEqual([400, 400, 400, 40, 4, 1])
    expect(takes.some(({ setAside }) => setAside)).toBe(false)
    expect(attemptAfter(6, 400)).toEqual({ take: 1, setAside: true })
  })

  it('never sets aside a record that has not been tried alone', () => {
    for (let records = 1; records <= 10_000; records += 37)
      for (let deaths = 0; deaths < 12; deaths++) {
        if (!attemptAfter(deaths, records).setAside) continue
        expect(attemptAfter(deaths - 1, records).take).toBe(1)
      }
  })

  it('counts deaths and not failures', async () => {
    const keyed = new MemoryKeyed()
    const begin = () => beginAttempt(keyed, 'shop.raw.g1', 0, { head: 5, records: 1 })
    for (let i = 0; i < 10; i++) {
      expect(await begin()).toEqual({ take: 1, setAside: false })
      await endAttempt(keyed, 'shop.raw.g1', 0)
    }
    const attempts = []
    for (let i = 0; i < 5; i++) attempts.push(await begin())
    expect(attempts.map(({ setAside }) => setAside)).toEqual([false, false, false, true, true])
  })

  it('starts anew at another head', async () => {
    const keyed = new MemoryKeyed()
    for (let i = 0; i < 8; i++) await beginAttempt(keyed, 't', 0, { head: 5, records: 1 })
    expect(await beginAttempt(keyed, 't', 0, { head: 6, records: 9 })).toEqual({ take: 9, setAside: false })
  })
})
