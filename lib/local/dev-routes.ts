import type { RunResult } from '../batch/run-result.ts'
import type { Ports } from '../ports/ports.ts'
import { listIncidents } from '../serve/alerts.ts'
import type { Status } from '../serve/dashboard-messages.ts'
import { listDeadLetters } from '../serve/dead-letters.ts'
import type { Layer } from '../serve/query/layers.ts'
import { queryView, viewNamed } from '../serve/query.ts'
import { answerQuery } from '../serve/query-api/handler.ts'
import { streamSummary } from '../serve/stream-summary.ts'
import { readSlides } from '../serve/trends/slides.ts'
import type { Stream } from '../stream/define.ts'
import type { Attention } from './attention.ts'
import { type Fallback, HttpError, type Route } from './http-api.ts'
import { incidentRoutes } from './incident-routes.ts'
import { templateRoutes } from './template-routes.ts'

/** What the HTTP API needs of the running server. */
export interface Running {
  readonly ports: Ports
  readonly streams: ReadonlyMap<string, Stream>
  status(): Promise<Status>
  /** Ends a worker's process. Throws an HttpError where no worker has that id. */
  kill(id: string): void
  /** Told of the streams that are asked for. */
  readonly attention: Pick<Attention, 'note'>
  /** Recomputes by hand. */
  readonly recompute: { run(stream: string, full?: boolean): Promise<RunResult | undefined> }
}

/** The HTTP API of `weir dev`. `running` throws an HttpError while the server starts. */
export function devRoutes(running: () => Running): Readonly<Record<string, Route>> {
  const streamOf = (query: URLSearchParams): Stream => {
    const name = query.get('stream') ?? ''
    const stream = running().streams.get(name)
    if (stream === undefined)
      throw new HttpError(404, 'NO_SUCH_STREAM', `there is no stream ${JSON.stringify(name)}`)
    running().attention.note(stream.name)
    return stream
  }
  return {
    'GET /api/streams': async () => [...running().streams.values()].map(streamSummary),
    'GET /api/status': () => running().status(),
    'GET /api/query': async ({ query }) => {
      const view = found(() => viewNamed(running().streams, query.get('view') ?? ''))
      running().attention.note(view.id.split('.')[0] ?? '')
      const options = {
        key: query.get('key') ?? undefined,
        from: timeParameter(query, 'from'),
        to: timeParameter(query, 'to'),
        bySlot: query.get('bySlot') === 'true',
        layer: layerParameter(query),
      }
      return queryView(running().ports, view, options, Date.now())
    },
    'GET /api/alerts': ({ query }) => {
      const since = query.get('since')
      const all = query.get('all') === 'true'
      const options = { ...(since === null ? {} : { since }), limit: limitParameter(query), all }
      return listIncidents(running().ports, streamOf(query), options).catch((error: unknown) => {
        if (error instanceof RangeError) throw new HttpError(400, 'BAD_CURSOR', error.message)
        throw error
      })
    },
    'GET /api/dead-letters': async ({ query }) => ({
      deadLetters: await listDeadLetters(running().ports, streamOf(query), { limit: limitParameter(query) }),
    }),
    'GET /api/trends': async ({ query }) => {
      const stream = streamOf(query).name
      const [from, to] = [timeParameter(query, 'from'), timeParameter(query, 'to')]
      const range = { ...(from !== undefined && { from }), ...(to !== undefined && { to }) }
      const limit = query.has('limit') ? limitParameter(query) : 1
      return { stream, slides: await readSlides(running().ports.keyed, stream, { ...range, limit }) }
    },
    'POST /api/recompute': async ({ query }) => {
      const result = await running().recompute.run(streamOf(query).name, query.get('full') === 'true')
      if (result === undefined)
        throw new HttpError(409, 'RUN_REFUSED', 'another recompute of this stream is under way')
      return result
    },
    ...templateRoutes(running),
    ...incidentRoutes(running),
    'POST /api/kill': async ({ body }) => {
      const part = typeof body === 'object' && body !== null && 'part' in body ? body.part : undefined
      running().kill(String(part))
      return { part }
    },
  }
}

/** The query API of docs/openapi.yaml, as functions/query has it behind API Gateway. */
export function viewRoutes(running: () => Running): Fallback {
  return ({ method, path, query }) => {
    if (path !== '/views' && !path.startsWith('/views/')) return undefined
    const { ports, streams } = running()
    // A name given twice is one parameter with both values, as API Gateway has it.
    const names = [...new Set(query.keys())]
    const parameters = Object.fromEntries(names.map((name) => [name, query.getAll(name).join(',')]))
    return answerQuery(ports, streams, { method, path, query: parameters })
  }
}

function found<T>(look: () => T): T {
  try {
    return look()
  } catch (error) {
    throw new HttpError(404, 'NOT_FOUND', error instanceof Error ? error.message : String(error))
  }
}

function timeParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name)
  if (text === null || text === '') return undefined
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isFinite(ms)) return ms
  throw new HttpError(400, 'BAD_TIME', `${name} must be ISO 8601 or ms since 1970`)
}

function layerParameter(query: URLSearchParams): Layer | undefined {
  const layer = query.get('layer')
  if (layer === null || layer === 'merged' || layer === 'speed' || layer === 'batch')
    return layer ?? undefined
  throw new HttpError(400, 'BAD_LAYER', 'layer must be merged, speed or batch')
}

function limitParameter(query: URLSearchParams): number {
  const limit = Number(query.get('limit') ?? 100)
  if (Number.isInteger(limit) && limit > 0 && limit <= 1000) return limit
  throw new HttpError(400, 'BAD_LIMIT', 'limit must be a whole number from 1 to 1000')
}
