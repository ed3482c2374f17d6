import { crc32 } from 'node:zlib'
import { PortError } from '../ports/errors.ts'
import type { AwsClient } from './http/aws-client.ts'
import { refusalOf } from './http/aws-client.ts'
import type { HttpAnswer } from './http/transport.ts'

/** Names of the operations used, as the wire has them. */
export type Operation = 'GetItem' | 'PutItem' | 'DeleteItem' | 'Query' | 'TransactWriteItems'

/** DynamoDB's JSON, as far as it is looked at. */
export interface DynamoAnswer {
  /** Undefined where it succeeded; otherwise the exception's name, without its namespace. */
  readonly failure: string | undefined
  readonly body: DynamoBody
  /** See `Answered`. */
  readonly doubtful: boolean
}

export interface DynamoBody {
  readonly Item?: WireItem
  readonly Items?: readonly WireItem[]
  readonly LastEvaluatedKey?: WireItem
  readonly CancellationReasons?: readonly { readonly Code?: string }[]
  readonly __type?: string
  readonly message?: string
  readonly Message?: string
}

export type WireItem = Readonly<
  Record<string, { readonly S?: string; readonly N?: string; readonly B?: string }>
>

/** Refusals that are a result: the condition of a write did not hold. */
const CONDITION_FAILED = 'ConditionalCheckFailedException'
const TRANSACTION_CANCELED = 'TransactionCanceledException'

/**
 * One operation of DynamoDB's JSON 1.0 protocol. Resolves with success or a failed condition; rejects with every other
 * refusal, after repeating what repeating can cure.
 */
export async function callDynamo(
  client: AwsClient,
  operation: Operation,
  input: object,
): Promise<DynamoAnswer> {
  const request = {
    method: 'POST',
    path: '/',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
    },
    body: Buffer.from(JSON.stringify(input)),
  }
  const { answer, doubtful } = await client.send(request, (got) => refusal(got, operation))
  const body = readBody(answer)
  return { failure: failureName(body), body, doubtful }
}

function refusal(answer: HttpAnswer, operation: Operation): PortError | undefined {
  const checksum = answer.headers['x-amz-crc32']
  if (typeof checksum === 'string' && Number(checksum) !== crc32(answer.body))
    return new PortError('CORRUPT', `${operation}: the answer was damaged on the way`, { curable: true })
  if (answer.status === 200) return undefined
  const body = readBody(answer)
  const name = failureName(body) ?? ''
  if (name === CONDITION_FAILED) return undefined
  if (name === TRANSACTION_CANCELED) return canceled(body, operation)
  const message = body.message ?? body.Message ?? ''
  if (name === 'TransactionConflictException' || name === 'TransactionInProgressException')
    return new PortError('UNAVAILABLE', `${operation}: ${name}`, { curable: true })
  if (name === 'ValidationException' && /size (has exceeded|cannot exceed)/i.test(message))
    return new PortError('ITEM_TOO_LARGE', `${operation}: ${message}`, { curable: false })
  const refused = refusalOf(answer.status, name, message)
  return new PortError(refused.code, `${operation}: ${refused.message}`, { curable: refused.curable })
}

/** A transaction fails for its conditions, or for others at work on the same items: that passes. */
function canceled(body: DynamoBody, operation: Operation): PortError | undefined {
  const codes = (body.CancellationReasons ?? []).map(({ Code }) => Code ?? 'None')
  if (codes.includes('ConditionalCheckFailed')) return undefined
  const passing = codes.some((code) => /Conflict|Throttl|Throughput/.test(code))
  const message = `${operation}: cancelled: ${codes.join(', ')}`
  return new PortError(passing ? 'THROTTLED' : 'MISCONFIGURED', message, { curable: passing })
}

function failureName(body: DynamoBody): string | undefined {
  return body.__type?.replace(/^.*#/, '')
}

function readBody(answer: HttpAnswer): DynamoBody {
  try {
    return JSON.parse(answer.body.toString('utf8')) as DynamoBody
  } catch (cause) {
    // A proxy or a load balancer answers in HTML; its status says more than a parse error would.
    if (answer.status !== 200) return {}
    throw new PortError('CORRUPT', 'DynamoDB answered something that is not JSON', { curable: true, cause })
  }
}
