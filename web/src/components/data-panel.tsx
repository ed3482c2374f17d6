import type { StreamSummary, ViewSummary } from '../../../lib/serve/dashboard-messages.ts'
import type { StreamEnd } from '../state/stream-end.ts'
import { IncidentsPanel } from './incidents-panel.tsx'
import { SharesPanel } from './shares-panel.tsx'
import { TemplatesPanel } from './templates-panel.tsx'
import { TrendsPanel } from './trends-panel.tsx'

export interface DataPanelProps {
  readonly stream: StreamSummary
  readonly end: StreamEnd
  readonly selected: string | undefined
  readonly onSelect: (id: string) => void
}

/** What fits the data of a stream, by what the stream declares. */
export function DataPanel(props: DataPanelProps) {
  const { stream, end } = props
  const { page } = stream
  switch (page.kind) {
    case 'incidents':
      return <IncidentsPanel {...props} />
    case 'templates':
      return (
        <>
          <TemplatesPanel stream={stream} view={page.view} end={end} />
          <SharesPanel
            stream={stream}
            views={restOf(stream)}
            end={end}
            title="Lines by source and severity"
          />
        </>
      )
    case 'trends':
      return <TrendsPanel stream={stream} trending={page.trending} series={page.series} end={end} />
    case 'shares':
      return <SharesPanel stream={stream} views={restOf(stream)} end={end} title="Totals and shares" />
  }
}

/** Views that no other part of the page shows: not those of patterns, by outcome or severity of the entry, or by template. */
export function restOf({ views, page }: StreamSummary): readonly ViewSummary[] {
  return views.filter(({ name, groupBy, forPatterns }) => {
    if (forPatterns === true || groupBy.some((field) => field.startsWith('@'))) return false
    if (page.kind === 'templates') return !groupBy.includes('templateId')
    return page.kind !== 'trends' || (name !== page.trending && name !== page.series)
  })
}
