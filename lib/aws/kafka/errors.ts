import { PortError, type PortErrorCode } from '../../ports/errors.ts'

interface Meaning {
  readonly name: string
  readonly code: PortErrorCode
  readonly curable: boolean
}

function row(name: string, code: PortErrorCode, curable: boolean): Meaning {
  return { name, code, curable }
}

/**
 * What a broker's error codes mean to a stage. Source: https://kafka.apache.org/protocol#protocol_error_codes
 * Codes that are not here pass as UNAVAILABLE, curable: a stage may try again, an operator sees the number.
 */
const MEANINGS: ReadonlyMap<number, Meaning> = new Map([
  [1, row('OFFSET_OUT_OF_RANGE', 'OFFSET_OUT_OF_RANGE', false)],
  [2, row('CORRUPT_MESSAGE', 'CORRUPT', false)],
  [3, row('UNKNOWN_TOPIC_OR_PARTITION', 'NO_SUCH_TOPIC', true)],
  [5, row('LEADER_NOT_AVAILABLE', 'UNAVAILABLE', true)],
  [6, row('NOT_LEADER_OR_FOLLOWER', 'UNAVAILABLE', true)],
  [7, row('REQUEST_TIMED_OUT', 'TIMEOUT', true)],
  [9, row('REPLICA_NOT_AVAILABLE', 'UNAVAILABLE', true)],
  [10, row('MESSAGE_TOO_LARGE', 'BATCH_TOO_LARGE', false)],
  [15, row('COORDINATOR_NOT_AVAILABLE', 'UNAVAILABLE', true)],
  [14, row('COORDINATOR_LOAD_IN_PROGRESS', 'UNAVAILABLE', true)],
  [16, row('NOT_COORDINATOR', 'UNAVAILABLE', true)],
  [17, row('INVALID_TOPIC', 'BAD_KEY', false)],
  [18, row('RECORD_LIST_TOO_LARGE', 'BATCH_TOO_LARGE', false)],
  [19, row('NOT_ENOUGH_REPLICAS', 'UNAVAILABLE', true)],
  [20, row('NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'UNAVAILABLE', true)],
  [29, row('TOPIC_AUTHORIZATION_FAILED', 'DENIED', false)],
  [31, row('CLUSTER_AUTHORIZATION_FAILED', 'DENIED', false)],
  [33, row('UNSUPPORTED_SASL_MECHANISM', 'MISCONFIGURED', false)],
  [35, row('UNSUPPORTED_VERSION', 'MISCONFIGURED', false)],
  [37, row('INVALID_PARTITIONS', 'MISCONFIGURED', false)],
  [38, row('INVALID_REPLICATION_FACTOR', 'MISCONFIGURED', false)],
  [44, row('POLICY_VIOLATION', 'DENIED', false)],
  [45, row('OUT_OF_ORDER_SEQUENCE_NUMBER', 'LOCKED', true)],
  [46, row('DUPLICATE_SEQUENCE_NUMBER', 'LOCKED', true)],
  [47, row('INVALID_PRODUCER_EPOCH', 'LOCKED', false)],
  [51, row('CONCURRENT_TRANSACTIONS', 'UNAVAILABLE', true)],
  [53, row('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 'DENIED', false)],
  [54, row('SECURITY_DISABLED', 'MISCONFIGURED', false)],
  [58, row('SASL_AUTHENTICATION_FAILED', 'DENIED', false)],
  [74, row('FENCED_LEADER_EPOCH', 'UNAVAILABLE', true)],
  [75, row('UNKNOWN_LEADER_EPOCH', 'UNAVAILABLE', true)],
  [76, row('UNSUPPORTED_COMPRESSION_TYPE', 'MISCONFIGURED', false)],
  [78, row('OFFSET_NOT_AVAILABLE', 'UNAVAILABLE', true)],
  [87, row('INVALID_RECORD', 'CORRUPT', false)],
  [89, row('THROTTLING_QUOTA_EXCEEDED', 'THROTTLED', true)],
  [90, row('PRODUCER_FENCED', 'LOCKED', false)],
])

export const TOPIC_ALREADY_EXISTS = 36
export const UNKNOWN_TOPIC_OR_PARTITION = 3
export const OFFSET_NOT_AVAILABLE = 78
export const INVALID_PARTITIONS = 37

/** A broker's refusal as a PortError; `what` says what was asked: `append to orders.raw.g1/3`. */
export function kafkaError(code: number, what: string, detail?: string | null): PortError {
  const meaning = MEANINGS.get(code) ?? row(`error ${code}`, 'UNAVAILABLE', true)
  const said = detail ? `: ${detail}` : ''
  return new PortError(meaning.code, `${what}: Kafka answered ${meaning.name} (${code})${said}`, {
    curable: meaning.curable,
  })
}

/** Throws where the broker answered with an error. */
export function expectOk(code: number, what: string, detail?: string | null): void {
  if (code !== 0) throw kafkaError(code, what, detail)
}
