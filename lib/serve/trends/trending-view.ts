import type { Stream } from '../../stream/define.ts'
import { compileView, type View } from '../../views/view.ts'

/** The view that trends slide over, in slots as long as a slide. */
export const TRENDING = 'trending'
export const SLIDE_MS = 10_000

/** The view `trending` of a stream, which counts in slots of ten seconds; undefined where it has none. */
export function trendingView({ name, views }: Pick<Stream, 'name' | 'views'>): View | undefined {
  const definition = Object.hasOwn(views, TRENDING) ? views[TRENDING] : undefined
  if (definition?.slotMs !== SLIDE_MS || definition.aggregates.count?.kind !== 'count') return undefined
  return compileView(name, TRENDING, definition)
}

/** The names of those that have a channel of trends. */
export function trendingStreams(streams: Iterable<Stream>): ReadonlySet<string> {
  return new Set([...streams].filter((stream) => trendingView(stream) !== undefined).map(({ name }) => name))
}
