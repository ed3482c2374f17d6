import type { TrendBurst, TrendSlide } from '../../../lib/serve/dashboard-messages.ts'

/** A key of the latest slide, and how it has moved. */
export interface Trending {
  readonly key: string
  readonly count: number
  readonly rank: number
  /** Ranks it has climbed in the last minute, negative where it fell; undefined: not among the first then, or not known. */
  readonly moved: number | undefined
  /** It was not among the first a minute ago. */
  readonly entered: boolean
  /** Its burst, if one began in the window. */
  readonly burst: TrendBurst | undefined
}

/** Movement is against the slide of so long before. */
const MOVED_MS = 60_000
/** Slides kept: those of a window of ten minutes. */
const SLIDES_MAX = 61

/** The slides with more of them added: in order, each once, the oldest forgotten. */
export function withSlides(
  slides: readonly TrendSlide[],
  more: readonly TrendSlide[],
): readonly TrendSlide[] {
  const byEnd = new Map([...slides, ...more].map((slide) => [slide.to, slide]))
  if (byEnd.size === slides.length) return slides
  return [...byEnd.values()].sort((a, b) => a.to - b.to).slice(-SLIDES_MAX)
}

/** The latest slide's keys with their movement; `slides` in order. */
export function trendingOf(slides: readonly TrendSlide[]): readonly Trending[] {
  const latest = slides.at(-1)
  if (latest === undefined) return []
  const before = slides.findLast(({ to }) => to <= latest.to - MOVED_MS && to > latest.to - 2 * MOVED_MS)
  const ranks = new Map(before?.top.map(({ key }, i) => [key, i + 1]))
  const bursts = new Map(
    slides
      .filter(({ to }) => to > latest.from)
      .flatMap((slide) => slide.bursts.map((burst) => [burst.key, burst])),
  )
  return latest.top.map(({ key, count }, i): Trending => {
    const rank = i + 1
    const was = ranks.get(key)
    return {
      key,
      count,
      rank,
      moved: was === undefined ? undefined : was - rank,
      entered: before !== undefined && was === undefined,
      burst: bursts.get(key),
    }
  })
}
