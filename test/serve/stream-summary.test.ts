import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { csvOrJson } from '../../lib/formats/csv-or-json.ts'
import { pageOf, streamSummary } from '../../lib/serve/stream-summary.ts'
import { defineStream } from '../../lib/stream/define.ts'
import { streams } from '../../streams/index.ts'

const named = (name: string) => {
  const stream = streams.get(name)
  if (stream === undefined) throw new Error(`no stream ${name}`)
  return stream
}

describe('the page of a stream', () => {
  it('follows from what the shipped streams declare', () => {
    const pages = [...streams.values()].map((stream) => [stream.name, pageOf(stream)])
    expect(Object.fromEntries(pages)).toEqual({
      network: { kind: 'shares' },
      nids: { kind: 'incidents' },
      logs: { kind: 'templates', view: 'byTemplateSource' },
      posts: { kind: 'trends', trending: 'trending', series: 'hashtags' },
      orders: { kind: 'shares' },
    })
  })

  it('is bars of its views for a stream that nobody thought of', () => {
    const visits = defineStream({
      name: 'visits',
      title: 'Visits',
      description: 'Requests of a web server',
      format: csvOrJson({ header: ['path', 'status', 'sizeBytes'] }),
      schema: z.object({ path: z.string(), status: z.string(), sizeBytes: z.number() }),
      views: {
        byPath: {
          title: 'Requests by path',
          groupBy: ['path'],
          slotMs: 60_000,
          aggregates: {
            count: { kind: 'count' },
            bytes: { kind: 'sum', field: 'sizeBytes' },
            mean: { kind: 'mean', field: 'sizeBytes' },
          },
        },
        // Slots of another length are not what trends slide over.
        trending: {
          title: 'Requests',
          groupBy: ['path'],
          slotMs: 60_000,
          aggregates: { count: { kind: 'count' } },
        },
      },
      partitions: 1,
    })
    const summary = streamSummary(visits)
    expect(summary).toMatchObject({ detects: false, trains: false, page: { kind: 'shares' } })
    expect(summary.views.map(({ name }) => name)).toEqual(['records', 'byPath', 'trending'])
    expect(summary.views[1]).toMatchObject({
      aggregates: ['count', 'bytes', 'mean'],
      additive: ['count', 'bytes'],
    })
  })

  it('tells a score without a model from a detector that needs one', () => {
    expect(streamSummary(named('nids'))).toMatchObject({ detects: true, trains: false })
    expect(streamSummary(named('network'))).toMatchObject({ detects: true, trains: true })
  })
})
