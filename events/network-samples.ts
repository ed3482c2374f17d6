import type { Reason, Severity } from '../lib/stream/detector.ts'
import type { Value } from '../lib/stream/value.ts'
import { network } from '../streams/network.ts'

/** A connection with the 41 features of KDD Cup 1999 and a label. */
export type Connection = Readonly<Record<string, string | number>>

/** The 41 features and the label, in the order of a CSV line. */
const CSV_COLUMNS = network.columns.slice(0, 42).map(({ name }) => name)

const QUIET: Connection = {
  ...Object.fromEntries(CSV_COLUMNS.map((name) => [name, 0])),
  protocol_type: 'tcp',
  flag: 'SF',
  logged_in: 1,
  count: 4,
  srv_count: 4,
  same_srv_rate: 1,
  dst_host_count: 40,
  dst_host_srv_count: 40,
  dst_host_same_srv_rate: 1,
  label: 'normal.',
}

/** Made up by hand: a page, a mail, a port scan that is turned away, and a flood that never gets an answer. */
export const SAMPLE_CONNECTIONS: readonly [Connection, Connection, Connection, Connection] = [
  { ...QUIET, service: 'http', src_bytes: 204, dst_bytes: 4_813 },
  { ...QUIET, service: 'smtp', duration: 2, src_bytes: 1_320, dst_bytes: 331 },
  {
    ...QUIET,
    service: 'private',
    flag: 'REJ',
    logged_in: 0,
    count: 180,
    srv_count: 3,
    rerror_rate: 1,
    srv_rerror_rate: 1,
    same_srv_rate: 0.02,
    diff_srv_rate: 0.08,
    dst_host_count: 255,
    dst_host_srv_count: 3,
    dst_host_same_srv_rate: 0.01,
    dst_host_rerror_rate: 1,
    dst_host_srv_rerror_rate: 1,
    label: 'portsweep.',
  },
  {
    ...QUIET,
    service: 'telnet',
    flag: 'S0',
    logged_in: 0,
    count: 411,
    srv_count: 411,
    serror_rate: 1,
    srv_serror_rate: 1,
    dst_host_count: 255,
    dst_host_srv_count: 255,
    dst_host_serror_rate: 1,
    dst_host_srv_serror_rate: 1,
    label: 'neptune.',
  },
]

export function connectionCsv(connection: Connection): string {
  return CSV_COLUMNS.map((name) => connection[name]).join(',')
}

/** As a JSON line, with the fields a generator adds. */
export function connectionJson(connection: Connection, timeMs: number, index: number): string {
  const uuid = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`
  const utc = new Date(timeMs).toISOString()
  return JSON.stringify({ ...connection, uuid, utc, sequence_id: index, index })
}

interface Verdict {
  readonly score: number
  readonly threshold: number
  readonly model: string
  readonly severity?: Severity
  readonly reasons?: readonly Reason[]
}

/** What a model would say: nothing about the quiet ones, a reason about the others. */
export function suspicion({ count }: Value): Verdict {
  const model = { threshold: 0.62, model: 'sample' }
  if (typeof count !== 'number' || count < 100) return { score: 0.41, ...model }
  const text = `count ${count} is far above the usual 0 to 12`
  return {
    score: 0.78,
    ...model,
    severity: 'high',
    reasons: [{ feature: 'count', value: count, share: 0.6, text }],
  }
}
