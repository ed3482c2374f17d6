import type { Stream } from '../stream/define.ts'
import { viewsOfPattern } from '../stream/pattern.ts'
import type { ViewDefinition } from '../stream/view-definition.ts'
import type { StreamPage, StreamSummary, ViewSummary } from './dashboard-messages.ts'
import { TRENDING, trendingView } from './trends/trending-view.ts'

/** A stream as the dashboard is told of it. */
export function streamSummary(stream: Stream): StreamSummary {
  const { name, title, description, detector, scorer, views, patterns } = stream
  const forPatterns = new Set(Object.values(patterns).flatMap(viewsOfPattern))
  return {
    name,
    title,
    description,
    detects: detector !== undefined || scorer !== undefined,
    trains: detector !== undefined,
    page: pageOf(stream),
    views: Object.entries(views).map(([view, definition]) =>
      viewSummary(view, definition, forPatterns.has(view)),
    ),
  }
}

/** The page that fits a stream, by what it declares: a stream of any name gets one. */
export function pageOf(stream: Pick<Stream, 'name' | 'views' | 'detector' | 'columns'>): StreamPage {
  const { views, detector, columns } = stream
  const trending = trendingView(stream)
  if (trending !== undefined)
    return {
      kind: 'trends',
      trending: TRENDING,
      series: seriesOf(views, trending.definition),
    }
  if (detector?.kind === 'templates' && detector.rateView !== undefined)
    return { kind: 'templates', view: detector.rateView }
  const names = new Set(columns.map(({ name }) => name))
  if (names.has('source_ip') && names.has('destination_ip')) return { kind: 'incidents' }
  return { kind: 'shares' }
}

/** The view of the same keys whose slots are longest: what a key's past is drawn from. */
function seriesOf(views: Stream['views'], trending: ViewDefinition): string {
  const keys = trending.groupBy.join()
  const same = Object.entries(views).filter(
    ([, { groupBy, aggregates }]) => groupBy.join() === keys && aggregates.count?.kind === 'count',
  )
  return same.sort(([, a], [, b]) => b.slotMs - a.slotMs)[0]?.[0] ?? TRENDING
}

function viewSummary(
  name: string,
  { title, groupBy, slotMs, aggregates }: ViewDefinition,
  forPatterns: boolean,
): ViewSummary {
  const kinds = Object.entries(aggregates)
  return {
    name,
    title,
    groupBy,
    slotMs,
    ...(forPatterns ? { forPatterns } : {}),
    aggregates: kinds.map(([aggregate]) => aggregate),
    additive: kinds.flatMap(([aggregate, { kind }]) =>
      kind === 'count' || kind === 'sum' ? [aggregate] : [],
    ),
  }
}
