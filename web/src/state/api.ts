import type {
  AlertsAnswer,
  DeadLettersAnswer,
  ErrorAnswer,
  IncidentRequest,
  QueryAnswer,
  Status,
  StreamsAnswer,
  TemplatesAnswer,
  TrendsAnswer,
} from '../../../lib/serve/dashboard-messages.ts'
import type { Layer } from './layers.ts'

/** An answer that is not 2xx, or none at all. The message is for people. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** False where there was no answer at all. */
  readonly answered: boolean

  constructor(message: string, answered: boolean, options?: ErrorOptions) {
    super(message, options)
    this.answered = answered
  }
}

export interface Api {
  streams(signal?: AbortSignal): Promise<StreamsAnswer>
  status(signal?: AbortSignal): Promise<Status>
  query(question: Question, signal?: AbortSignal): Promise<QueryAnswer>
  alerts(stream: string, limit: number, signal?: AbortSignal): Promise<AlertsAnswer>
  deadLetters(stream: string, limit: number, signal?: AbortSignal): Promise<DeadLettersAnswer>
  /** The latest slides, oldest first. */
  trends(stream: string, limit: number, signal?: AbortSignal): Promise<TrendsAnswer>
  templates(stream: string, signal?: AbortSignal): Promise<TemplatesAnswer>
  /** Calls a template normal, or takes that back. */
  callNormal(stream: string, templateId: string, undo: boolean): Promise<void>
  /** Acknowledges or closes an incident, or takes that back. */
  markIncident(request: IncidentRequest): Promise<void>
  /** Leaves a group of alerts out of lists and pushes. */
  suppress(stream: string, group: string): Promise<void>
  kill(part: string): Promise<void>
}

export interface Question {
  /** `<stream>.<view>` */
  readonly view: string
  readonly fromMs?: number
  readonly toMs?: number
  readonly key?: string
  readonly layer?: Layer
  readonly bySlot: boolean
}

/** The HTTP API at the page's own origin. An aborted request rejects with the signal's reason. */
export const api: Api = {
  streams: (signal) => get<StreamsAnswer>('/api/streams', {}, signal),
  status: (signal) => get<Status>('/api/status', {}, signal),
  query: ({ view, fromMs, toMs, key, layer, bySlot }, signal) =>
    get<QueryAnswer>(
      '/api/query',
      { view, from: fromMs, to: toMs, key, layer, bySlot: bySlot || undefined },
      signal,
    ),
  alerts: (stream, limit, signal) => get<AlertsAnswer>('/api/alerts', { stream, limit }, signal),
  deadLetters: (stream, limit, signal) =>
    get<DeadLettersAnswer>('/api/dead-letters', { stream, limit }, signal),
  trends: (stream, limit, signal) => get<TrendsAnswer>('/api/trends', { stream, limit }, signal),
  templates: (stream, signal) => get<TemplatesAnswer>('/api/templates', { stream }, signal),
  callNormal: (stream, templateId, undo) => post('/api/templates/normal', { stream, templateId, undo }),
  markIncident: (request) => post('/api/incidents', request),
  suppress: (stream, group) => post('/api/suppress', { stream, group }),
  kill: (part) => post('/api/kill', { part }),
}

async function post(path: string, body: object): Promise<void> {
  await request(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
}

async function get<T>(
  path: string,
  query: Readonly<Record<string, string | number | boolean | undefined>>,
  signal?: AbortSignal,
): Promise<T> {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) parameters.set(name, String(value))
  const text = parameters.toString()
  const answer = await request(text === '' ? path : `${path}?${text}`, signal === undefined ? {} : { signal })
  return (await answer.json()) as T
}

async function request(path: string, init: RequestInit): Promise<Response> {
  let answer: Response
  try {
    answer = await fetch(path, init)
  } catch (cause) {
    if (init.signal?.aborted === true) throw cause
    throw new ApiError('Weir does not answer.', false, { cause })
  }
  if (answer.ok) return answer
  const body = (await answer.json().catch(() => undefined)) as Partial<ErrorAnswer> | undefined
  throw new ApiError(body?.error?.message ?? `Weir answered ${answer.status} to ${path.split('?')[0]}.`, true)
}
