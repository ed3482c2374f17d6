import { PortError } from '../../ports/errors.ts'
import { beginInvocation, type Ports } from '../../ports/ports.ts'
import type { Stream } from '../../stream/define.ts'
import { ApiError } from './api-error.ts'
import { ROUTES } from './routes.ts'

export interface ApiRequest {
  readonly method: string
  /** Not decoded. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
}

export interface ApiAnswer {
  readonly status: number
  /** JSON. */
  readonly body: unknown
}

type ApiPorts = Pick<Ports, 'keyed' | 'objects' | 'clock'>

/** Answers one request, refusals too; rejects only for a defect, which the caller is not to be told about. */
export async function answerQuery(
  { keyed, objects, clock }: ApiPorts,
  streams: ReadonlyMap<string, Stream>,
  request: ApiRequest,
): Promise<ApiAnswer> {
  try {
    const { route, view } = routeOf(request)
    const world = { stores: { keyed, objects }, streams, nowMs: () => clock.nowMs() }
    return { status: 200, body: await route.answer(world, view, request.query) }
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal === undefined) throw error
    const { status, code, message } = refusal
    return { status, body: { error: { code, message } } }
  }
}

function routeOf({ method, path }: ApiRequest) {
  const segments = path.split('/')
  for (const route of ROUTES) {
    const pattern = route.path.split('/')
    if (pattern.length !== segments.length) continue
    if (!pattern.every((part, i) => part === '{view}' || part === segments[i])) continue
    if (method !== 'GET') throw new ApiError('METHOD_NOT_ALLOWED', `${route.path} is only read: use GET`)
    const at = pattern.indexOf('{view}')
    return { route, view: at < 0 ? undefined : decoded(segments[at] ?? '') }
  }
  const all = ROUTES.map((route) => route.path).join(', ')
  throw new ApiError('NO_SUCH_ROUTE', `no such route; there are GET ${all}`)
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new ApiError('NO_SUCH_VIEW', 'the name of the view is not well encoded')
  }
}

function refusalOf(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error
  // What a later try can cure: a store that throttles, boards that a recompute is just replacing.
  if (error instanceof PortError && error.curable) return new ApiError('UNAVAILABLE', error.message)
  return undefined
}

/** An event of an API Gateway HTTP API (payload format 2.0), as far as it is read. */
export interface HttpEvent {
  readonly rawPath: string
  readonly queryStringParameters?: Readonly<Record<string, string>>
  readonly requestContext: { readonly http: { readonly method: string } }
}

export interface HttpResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const HEADERS = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }

/** The handler of functions/query. */
export function queryHandler(ports: Ports, streams: ReadonlyMap<string, Stream>) {
  return async (event: HttpEvent, context: { getRemainingTimeInMillis(): number }): Promise<HttpResponse> => {
    beginInvocation(ports, context)
    const { rawPath, queryStringParameters: query = {}, requestContext } = event
    const request = { method: requestContext.http.method, path: rawPath, query }
    const { status, body } = await answerQuery(ports, streams, request).catch((error: unknown) => {
      // Without the request: keys are made of what records say.
      const message = error instanceof Error ? error.message : String(error)
      console.error(JSON.stringify({ level: 'error', part: 'query', message }))
      const refusal = { code: 'INTERNAL', message: 'something failed; see the log of this function' }
      return { status: 500, body: { error: refusal } }
    })
    const retry = status === 503 ? { 'retry-after': '1' } : {}
    return { statusCode: status, headers: { ...HEADERS, ...retry }, body: JSON.stringify(body) }
  }
}
