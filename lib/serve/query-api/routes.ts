import type { z } from 'zod'
import type { BoardStores } from '../../state/boards.ts'
import type { Stream } from '../../stream/define.ts'
import { compileView, type View } from '../../views/view.ts'
import { topKeys } from '../query/top.ts'
import { queryView, viewNamed } from '../query.ts'
import { readSlides } from '../trends/slides.ts'
import { trendingStreams } from '../trends/trending-view.ts'
import { ApiError } from './api-error.ts'
import {
  queryAnswer,
  queryParameters,
  ROWS_DEFAULT,
  slidesAnswer,
  slidesParameters,
  TOP_DEFAULT,
  topAnswer,
  topParameters,
  type ViewSummary,
  viewsAnswer,
  viewsParameters,
} from './schemas.ts'

export interface ApiWorld {
  readonly stores: BoardStores
  readonly streams: ReadonlyMap<string, Stream>
  nowMs(): number
}

/** What a path leads to. `{view}` stands for one segment. */
export interface ApiRoute {
  readonly path: string
  readonly parameters: z.ZodObject
  readonly answers: z.ZodObject
  answer(world: ApiWorld, view: string | undefined, query: Readonly<Record<string, string>>): Promise<unknown>
}

const DEFAULT_WINDOW = '10m'

/** All of the API: every route is a GET. */
export const ROUTES: readonly ApiRoute[] = [
  {
    path: '/views',
    parameters: viewsParameters,
    answers: viewsAnswer,
    answer: async ({ streams }, _view, query) => {
      checked(viewsParameters, query)
      return { views: [...streams.values()].flatMap(viewsOf) }
    },
  },
  {
    path: '/views/{view}',
    parameters: queryParameters,
    answers: queryAnswer,
    answer: async ({ stores, streams, nowMs }, id, query) => {
      const { key, from, to, bySlot, layer, limit } = checked(queryParameters, query)
      const options = {
        key,
        from: timeOf('from', from),
        to: timeOf('to', to),
        bySlot: bySlot === 'true',
        layer,
      }
      const answer = await queryView(stores, viewOf(streams, id), options, nowMs())
      const most = Number(limit ?? ROWS_DEFAULT)
      return { ...answer, rows: answer.rows.slice(0, most), truncated: answer.rows.length > most }
    },
  },
  {
    path: '/views/{view}/top',
    parameters: topParameters,
    answers: topAnswer,
    answer: async ({ stores, streams, nowMs }, id, query) => {
      const { window = DEFAULT_WINDOW, at, k, by } = checked(topParameters, query)
      const view = viewOf(streams, id)
      const atMs = timeOf('at', at) ?? nowMs()
      const options = { windowMs: lengthOf(window), atMs, k: Number(k ?? TOP_DEFAULT), by }
      return topKeys(stores, view, options, nowMs()).catch((error: unknown) => {
        if (error instanceof RangeError) throw new ApiError('BAD_PARAMETER', `by: ${error.message}`)
        throw error
      })
    },
  },
  {
    path: '/views/{view}/slides',
    parameters: slidesParameters,
    answers: slidesAnswer,
    answer: async ({ stores, streams }, id, query) => {
      const { from, to, limit } = checked(slidesParameters, query)
      const [stream = '', name] = viewOf(streams, id).id.split('.')
      if (name !== 'trending' || !trendingStreams(streams.values()).has(stream))
        throw new ApiError('NO_SUCH_VIEW', `${id} is no view that trends slide over`)
      const [fromMs, toMs] = [timeOf('from', from), timeOf('to', to)]
      const range = { ...(fromMs !== undefined && { from: fromMs }), ...(toMs !== undefined && { to: toMs }) }
      return {
        stream,
        slides: await readSlides(stores.keyed, stream, { ...range, limit: Number(limit ?? 1) }),
      }
    },
  },
]

function checked<S extends z.ZodObject>(schema: S, query: Readonly<Record<string, string>>): z.output<S> {
  const result = schema.safeParse(query)
  if (result.success) return result.data
  const issues = result.error.issues.map(({ path, message }) => [...path, message].join(': '))
  throw new ApiError('BAD_PARAMETER', issues.slice(0, 3).join('; '))
}

function viewOf(streams: ReadonlyMap<string, Stream>, id = ''): View {
  try {
    return viewNamed(streams, id)
  } catch (error) {
    throw new ApiError('NO_SUCH_VIEW', error instanceof Error ? error.message : String(error))
  }
}

function timeOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) : Date.parse(text)
  if (Number.isFinite(ms) && ms <= 8.64e15) return ms
  throw new ApiError('BAD_PARAMETER', `${name}: expected ISO 8601 or ms since 1970`)
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

function lengthOf(text: string): number {
  return Number(text.slice(0, -1)) * (UNITS_MS[text.slice(-1)] ?? 0)
}

function viewsOf(stream: Stream): readonly ViewSummary[] {
  return Object.entries(stream.views).map(([name, definition]) => {
    const { id, version, errors } = compileView(stream.name, name, definition)
    const { title, groupBy, slotMs, aggregates, retentionDays } = definition
    return {
      id,
      title,
      stream: stream.name,
      version,
      groupBy: [...groupBy],
      slotMs,
      aggregates: Object.entries(aggregates).map(([aggregate, { kind }]) => {
        const error = errors[aggregate]
        return { name: aggregate, kind, ...(error === undefined ? {} : { error }) }
      }),
      ...(retentionDays === undefined ? {} : { retentionDays }),
    }
  })
}
