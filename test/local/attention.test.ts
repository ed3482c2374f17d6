import { getEventListeners } from 'node:events'
import { describe, expect, it } from 'vitest'
import { Attention } from '../../lib/local/attention.ts'

describe('Attention', () => {
  it('says for how long ago somebody asked for a stream', () => {
    let now = 1_000
    const attention = new Attention(() => now)
    expect(attention.lately('posts', 500)).toBe(false)
    attention.note('posts')
    now += 500
    expect(attention.lately('posts', 500)).toBe(true)
    expect(attention.lately('logs', 500)).toBe(false)
    now += 1
    expect(attention.lately('posts', 500)).toBe(false)
  })

  it('wakes those who wait for that stream, and those who are told to stop', async () => {
    const attention = new Attention(() => 0)
    const stop = new AbortController()
    const woken: string[] = []
    const waiting = ['posts', 'posts', 'logs'].map((stream) =>
      attention.next(stream, stop.signal).then(() => woken.push(stream)),
    )
    attention.note('posts')
    await Promise.all(waiting.slice(0, 2))
    expect(woken).toEqual(['posts', 'posts'])
    stop.abort()
    await Promise.all(waiting)
    expect(woken).toEqual(['posts', 'posts', 'logs'])
    await attention.next('orders', stop.signal)
  })

  it('leaves nothing on the signal of a wait that is over', async () => {
    const attention = new Attention(() => 0)
    const { signal } = new AbortController()
    for (let i = 0; i < 20; i++) {
      const waits = [attention.next('posts', signal), attention.next('posts', signal)]
      expect(getEventListeners(signal, 'abort')).toHaveLength(2)
      attention.note('posts')
      await Promise.all(waits)
    }
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})
