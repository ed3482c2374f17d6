import type { z } from 'zod'
import { PortError } from '../../ports/errors.ts'
import { beginInvocation, type Ports } from '../../ports/ports.ts'
import type { Stream } from '../../stream/define.ts'
import { type RecordBlock, recordAt } from '../block.ts'
import { Ingest } from './ingest.ts'
import { IngestError, type InvalidRecord } from './ingest-error.ts'
import { recordsOf } from './records-body.ts'
import {
  INVALID_MAX,
  type ingestAnswer,
  ingestHeaders,
  ingestParameters,
  type ingestRefusal,
} from './schemas.ts'

/** What is used of an HTTP API event, payload version 2.0: header names are in lower case. */
export interface HttpEvent {
  readonly requestContext: { readonly http: { readonly method: string } }
  readonly rawPath: string
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly queryStringParameters?: Readonly<Record<string, string | undefined>>
  readonly pathParameters?: Readonly<Record<string, string | undefined>>
  readonly body?: string
  readonly isBase64Encoded: boolean
}

export interface HttpAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/**
 * `POST /streams/{stream}/records`: takes records into a stream and answers once they are in its log. docs/collecting.md
 * describes it. The same handler runs in Lambda behind API Gateway and in `weir dev`.
 */
export function ingestHandler(
  streams: ReadonlyMap<string, Stream>,
  ports: Ports,
): (event: HttpEvent, context: { getRemainingTimeInMillis(): number }) => Promise<HttpAnswer> {
  const ingests = new Map([...streams].map(([name, stream]) => [name, new Ingest(ports, stream)]))
  return async (event, context) => {
    beginInvocation(ports, context)
    try {
      const { stream, block, key, keepInvalid } = readRequest(streams, event)
      const invalid = invalidRecords(stream, block)
      if (invalid.length > 0 && !keepInvalid)
        throw new IngestError('INVALID_RECORDS', refusal(stream, invalid), invalid)
      const taken = await (ingests.get(stream.name) as Ingest).take({ block, key })
      const { topic, records, replayed } = taken
      const document: z.input<typeof ingestAnswer> = {
        ...{ stream: stream.name, topic, accepted: records.length, replayed },
        records: [...records],
        invalid: invalid.slice(0, INVALID_MAX),
      }
      return answer(200, document)
    } catch (error) {
      return refuse(error)
    }
  }
}

interface Request {
  readonly stream: Stream
  readonly block: RecordBlock
  readonly key: string | undefined
  readonly keepInvalid: boolean
}

function readRequest(streams: ReadonlyMap<string, Stream>, event: HttpEvent): Request {
  const { method } = event.requestContext.http
  if (method !== 'POST') throw new IngestError('METHOD_NOT_ALLOWED', 'records are sent by POST')
  const name = event.pathParameters?.stream ?? ''
  const stream = streams.get(name)
  if (stream === undefined)
    throw new IngestError(
      'NO_SUCH_STREAM',
      `there is no such stream; there are: ${[...streams.keys()].join(', ')}`,
    )
  const {
    'content-type': type = '',
    'content-encoding': encoding = '',
    'idempotency-key': key,
  } = event.headers
  if (!ingestHeaders.shape['idempotency-key'].safeParse(key).success)
    throw new IngestError('BAD_REQUEST', 'Idempotency-Key: 1 to 200 visible ASCII characters are expected')
  const parameters = ingestParameters.safeParse(event.queryStringParameters ?? {})
  if (!parameters.success)
    throw new IngestError(
      'BAD_REQUEST',
      'the query string takes invalid=refuse or invalid=keep, and nothing else',
    )
  const body = Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8')
  return {
    stream,
    block: recordsOf(body, type, encoding),
    key,
    keepInvalid: parameters.data.invalid === 'keep',
  }
}

function invalidRecords(stream: Stream, block: RecordBlock): readonly InvalidRecord[] {
  const invalid: InvalidRecord[] = []
  for (let record = 0; record < block.count; record++) {
    const parsed = stream.parse(recordAt(block, record))
    // What the format passes over, such as a line of column names, is taken and passed over later.
    if (!parsed.ok && parsed.stage !== 'skip')
      invalid.push({ record, stage: parsed.stage, reason: parsed.reason })
  }
  return invalid
}

function refusal({ name }: Stream, { length }: readonly InvalidRecord[]): string {
  return `${length} of the records cannot be read by ${name}, so none was taken. Mend them, or send the request with ?invalid=keep to have them as dead letters`
}

function answer(statusCode: number, document: object, headers: Record<string, string> = {}): HttpAnswer {
  return {
    statusCode,
    headers: { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store', ...headers },
    body: JSON.stringify(document),
  }
}

function refuse(thrown: unknown): HttpAnswer {
  const error = thrown instanceof IngestError ? thrown : unavailable(thrown)
  const { code, message, status, invalid } = error
  const document: z.input<typeof ingestRefusal> = {
    error: { code, message },
    ...(invalid.length > 0 && { invalid: invalid.slice(0, INVALID_MAX) }),
  }
  return answer(status, document, status === 503 || code === 'IN_PROGRESS' ? { 'retry-after': '1' } : {})
}

/** What the log or a store could not do now; the client may send the request again. */
function unavailable(thrown: unknown): IngestError {
  const port = thrown instanceof PortError
  const text = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown)
  console.error(
    JSON.stringify({ level: 'error', stage: 'ingest', code: port ? thrown.code : 'INTERNAL', message: text }),
  )
  const code = port ? thrown.code : 'INTERNAL'
  return new IngestError(
    'UNAVAILABLE',
    `the records may or may not have been taken (${code}): send the request again under its Idempotency-Key`,
  )
}
