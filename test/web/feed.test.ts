import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Feed } from '../../web/src/state/feed.ts'
import { sampleAlert } from '../serve/sample.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('Feed', () => {
  it('opens a closed incident again with any alert behind what was known, of the same or an earlier time', () => {
    const feed = new Feed()
    const alert = { ...sampleAlert(5), id: 'i' }
    const shown = () => {
      vi.runAllTimers()
      return feed.view.get().shown.map(({ id, count }) => [id, count])
    }
    feed.load([alert], '1.0')
    const mark = { state: 'closed', lastSeenMs: alert.lastSeenMs, atMs: 0 } as const
    for (const [earlierMs, count] of [
      [0, 2],
      [3, 3],
    ] as const) {
      feed.mark('i', mark, feed.frame)
      expect(shown()).toEqual([])
      feed.receive([{ ...sampleAlert(5 - earlierMs), id: 'i' }], `${count}.0`)
      expect(feed.cursor).toBe(`${count}.0`)
      expect(shown()).toEqual([['i', count]])
    }
    // It came while the request to close was under way.
    const { frame } = feed
    feed.receive([alert], '4.0')
    feed.mark('i', mark, frame)
    expect(shown()).toEqual([['i', 4]])
  })
})
