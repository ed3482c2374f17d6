import { describe, expect, it } from 'vitest'
import { pendingReplay } from '../../bin/pending-replay.ts'
import { testStream } from '../master/test-stream.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'

describe('a pending replay', () => {
  const keyed = new MemoryKeyed()
  const replay = (sources: readonly string[], options = {}) =>
    pendingReplay(keyed, testStream, sources, { seed: 0, ...options })

  it('is the same run until it has finished, and a new one after', async () => {
    const first = await replay(['a.csv']).begin()
    expect(await replay(['./a.csv']).begin()).toBe(first)
    expect(await replay(['a.csv', 'b.csv']).begin()).not.toBe(first)
    expect(await replay(['a.csv'], { shuffle: true }).begin()).not.toBe(first)
    await replay(['a.csv']).finish()
    expect(await replay(['a.csv']).begin()).not.toBe(first)
  })

  it('is given up for a new one on request, which is then the one to go on with', async () => {
    const first = await replay(['c.csv']).begin()
    const second = await replay(['c.csv'], { new: true }).begin()
    expect(second).not.toBe(first)
    expect(await replay(['c.csv']).begin()).toBe(second)
  })

  it('is the run that is named, where one is', async () => {
    expect(await replay(['a.csv'], { runId: 'mine' }).begin()).toBe('mine')
  })
})
