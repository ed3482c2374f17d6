import { describe, expect, it } from 'vitest'
import { hashtagsOf } from '../../lib/formats/hashtags.ts'
import type { QueryAnswer, TrendSlide } from '../../lib/serve/dashboard-messages.ts'
import { keyOf, seriesTable } from '../../web/src/state/series.ts'
import { trendingOf, withSlides } from '../../web/src/state/trending.ts'

const SLIDE_MS = 10_000

function slide(nth: number, keys: readonly string[], bursts: TrendSlide['bursts'] = []): TrendSlide {
  const to = nth * SLIDE_MS
  const top = keys.map((key, i) => ({ key, count: 100 - i }))
  return { from: to - 600_000, to, top, bursts, uses: 1_000, late: 0, provisional: false }
}

describe('slides', () => {
  it('are kept in order, each once, whatever order they come in', () => {
    const slides = withSlides(withSlides([slide(3, ['a'])], [slide(2, ['b'])]), [
      slide(3, ['a']),
      slide(4, ['c']),
    ])
    expect(slides.map(({ to }) => to / SLIDE_MS)).toEqual([2, 3, 4])
  })

  it('are the same object where nothing is new, so that nothing is drawn again', () => {
    const slides = [slide(3, ['a'])]
    expect(withSlides(slides, [slide(3, ['a'])])).toBe(slides)
  })

  it('are no more than a window has', () => {
    const many = Array.from({ length: 100 }, (_, i) => slide(i, ['a']))
    expect(withSlides([], many)).toHaveLength(61)
    expect(withSlides([], many).at(-1)?.to).toBe(99 * SLIDE_MS)
  })
})

describe('what trends', () => {
  it('has moved since a minute before', () => {
    const slides = [slide(4, ['c', 'a', 'b', 'old']), slide(7, ['x']), slide(10, ['a', 'b', 'c', 'new'])]
    expect(
      trendingOf(slides).map(({ key, rank, moved, entered }) => ({ key, rank, moved, entered })),
    ).toEqual([
      { key: 'a', rank: 1, moved: 1, entered: false },
      { key: 'b', rank: 2, moved: 1, entered: false },
      { key: 'c', rank: 3, moved: -2, entered: false },
      { key: 'new', rank: 4, moved: undefined, entered: true },
    ])
  })

  it('has not moved where nothing is known of a minute before', () => {
    expect(trendingOf([slide(10, ['a'])])).toMatchObject([{ moved: undefined, entered: false }])
    // A slide of long before says nothing of the last minute.
    expect(trendingOf([slide(1, ['a']), slide(100, ['a'])])).toMatchObject([
      { moved: undefined, entered: false },
    ])
    expect(trendingOf([])).toEqual([])
  })

  it('carries the burst that began within its window, and no older one', () => {
    const burst = { key: 'a', uses: 40, expected: 3, log10P: -12 }
    const begun = trendingOf([slide(50, ['a'], [burst]), slide(100, ['a'])])
    expect(begun[0]?.burst).toEqual(burst)
    const over = trendingOf([slide(39, ['a'], [burst]), slide(100, ['a'])])
    expect(over[0]?.burst).toBeUndefined()
  })
})

describe('lines over time', () => {
  const answer = (counts: Readonly<Record<number, number>>): QueryAnswer => ({
    view: 'posts.hashtags',
    rows: Object.entries(counts).map(([from, count]) => ({
      key: 'a',
      fields: {},
      from: new Date(Number(from)).toISOString(),
      to: 0,
      count,
    })),
    horizon: null,
    asOf: 0,
  })
  const bounds = { fromMs: 1_000, toMs: 5_000, slotMs: 1_000 }

  it('have a number for every slot, 0 where there was nothing', () => {
    const table = seriesTable(['a'], new Map([['a', answer({ 2000: 7, 4000: 3, 9000: 99 })]]), bounds)
    expect(table.startsMs).toEqual([1_000, 2_000, 3_000, 4_000])
    expect(table.lines).toEqual([{ key: 'a', values: [0, 7, 0, 3], total: 10, peak: 7 }])
  })

  it('leave out keys that have no answer yet', () => {
    expect(seriesTable(['a', 'b'], new Map([['b', answer({})]]), bounds).lines).toMatchObject([
      { key: 'b', total: 0, peak: 0 },
    ])
  })

  it('are asked for as the views have the tags', () => {
    expect(keyOf(' #Köln ')).toBe('köln')
    expect(keyOf('＃News')).toBe('news')
    expect(keyOf('##')).toBe('')
    for (const tag of ['#Straße', '#STRASSE', '#ΟΔΟΣ', '#οδος', '＃İstanbul'])
      expect([keyOf(tag)]).toEqual(hashtagsOf(`a ${tag} b`))
    expect(keyOf('#Straße')).toBe('strasse')
    expect(keyOf('#ΟΔΟΣ')).toBe('οδοσ')
  })
})
