import { z } from 'zod'
import { forest } from '../lib/detect/forest.ts'
import { csvOrJson } from '../lib/formats/csv-or-json.ts'
import { defineStream } from '../lib/stream/define.ts'

const whole = z.number().int().min(0)
const rate = z.number().min(0).max(1)

/** One network connection with the features of KDD Cup 1999 (Stolfo et al.), in the order of its files. */
const connection = z.object({
  duration: whole,
  protocol_type: z.string().min(1),
  service: z.string().min(1),
  flag: z.string().min(1),
  src_bytes: whole,
  dst_bytes: whole,
  land: whole,
  wrong_fragment: whole,
  urgent: whole,
  hot: whole,
  num_failed_logins: whole,
  logged_in: whole,
  num_compromised: whole,
  root_shell: whole,
  su_attempted: whole,
  num_root: whole,
  num_file_creations: whole,
  num_shells: whole,
  num_access_files: whole,
  num_outbound_cmds: whole,
  is_host_login: whole,
  is_guest_login: whole,
  count: whole,
  srv_count: whole,
  serror_rate: rate,
  srv_serror_rate: rate,
  rerror_rate: rate,
  srv_rerror_rate: rate,
  same_srv_rate: rate,
  diff_srv_rate: rate,
  srv_diff_host_rate: rate,
  dst_host_count: whole,
  dst_host_srv_count: whole,
  dst_host_same_srv_rate: rate,
  dst_host_diff_srv_rate: rate,
  dst_host_same_src_port_rate: rate,
  dst_host_srv_diff_host_rate: rate,
  dst_host_serror_rate: rate,
  dst_host_srv_serror_rate: rate,
  dst_host_rerror_rate: rate,
  dst_host_srv_rerror_rate: rate,
  /** What the connection was, where somebody knows. Never used to detect anything. */
  label: z.string().min(1).optional(),
  /** Added by a generator. */
  uuid: z.uuid().optional(),
  utc: z.iso.datetime().optional(),
  sequence_id: whole.optional(),
  index: whole.optional(),
})

const added = z.object({
  total_bytes: whole,
  /** Share of the bytes that the source sent; 0 where there were none. */
  src_share: z.number(),
  /** Bytes a second, whole; a connection of under a second counts as one. */
  bytes_per_second: whole,
  /** How the connection ended, in words: from its TCP flag. */
  ending: z.enum(['complete', 'rejected', 'no answer', 'reset', 'half open', 'other']),
})

type Ending = z.output<typeof added>['ending']

const ENDINGS: ReadonlyMap<string, Ending> = new Map([
  ['SF', 'complete'],
  ['REJ', 'rejected'],
  ['S0', 'no answer'],
  ['RSTO', 'reset'],
  ['RSTR', 'reset'],
  ['RSTOS0', 'reset'],
  ['S1', 'half open'],
  ['S2', 'half open'],
  ['S3', 'half open'],
  ['SH', 'half open'],
])

export const network = defineStream({
  name: 'network',
  title: 'Network connections',
  description:
    'Connections with the 41 features of KDD Cup 1999, as CSV or JSON lines, scored for anomalies.',
  format: csvOrJson(),
  schema: connection,
  time: ({ utc }) => (utc === undefined ? undefined : Date.parse(utc)),
  enrich: {
    schema: added,
    add: ({ src_bytes, dst_bytes, duration, flag }) => {
      const total_bytes = src_bytes + dst_bytes
      return {
        total_bytes,
        src_share: total_bytes === 0 ? 0 : Math.round((src_bytes / total_bytes) * 1e4) / 1e4,
        bytes_per_second: Math.round(total_bytes / Math.max(1, duration)),
        ending: ENDINGS.get(flag) ?? 'other',
      }
    },
  },
  detect: forest({
    numeric: [
      'duration',
      'src_bytes',
      'dst_bytes',
      'wrong_fragment',
      'urgent',
      'hot',
      'num_failed_logins',
      'logged_in',
      'num_compromised',
      'root_shell',
      'su_attempted',
      'num_root',
      'num_file_creations',
      'num_shells',
      'num_access_files',
      'is_guest_login',
      'land',
      'count',
      'srv_count',
      'dst_host_count',
      'dst_host_srv_count',
    ],
    rates: [
      'serror_rate',
      'srv_serror_rate',
      'rerror_rate',
      'srv_rerror_rate',
      'same_srv_rate',
      'diff_srv_rate',
      'srv_diff_host_rate',
      'dst_host_same_srv_rate',
      'dst_host_diff_srv_rate',
      'dst_host_same_src_port_rate',
      'dst_host_srv_diff_host_rate',
      'dst_host_serror_rate',
      'dst_host_srv_serror_rate',
      'dst_host_rerror_rate',
      'dst_host_srv_rerror_rate',
    ],
    categorical: ['protocol_type', 'service', 'flag'],
  }),
  views: {
    byService: {
      title: 'Connections by service',
      groupBy: ['service'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' }, bytes: { kind: 'sum', field: 'total_bytes' } },
    },
    byProtocolFlag: {
      title: 'Connections by protocol and flag',
      groupBy: ['protocol_type', 'flag'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' }, meanBytes: { kind: 'mean', field: 'total_bytes' } },
    },
    byLabel: {
      title: 'Connections by label, where there is one',
      groupBy: ['label'],
      slotMs: 300_000,
      aggregates: { count: { kind: 'count' } },
    },
    bySeverity: {
      title: 'Alerts by severity',
      groupBy: ['@severity'],
      slotMs: 60_000,
      aggregates: { count: { kind: 'count' } },
    },
  },
  alerts: {
    title: ({ protocol_type, service, ending }) =>
      `Unusual ${service} connection over ${protocol_type}, ${ending}`,
    group: ({ protocol_type, service, flag }) => `${protocol_type} ${service} ${flag}`,
    windowMs: 300_000,
  },
  partitions: 4,
})
