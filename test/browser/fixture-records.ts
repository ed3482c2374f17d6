import type { Alert } from '../../lib/serve/dashboard-messages.ts'

/** Services and their usual share of the connections. */
export const NORMAL_SERVICES: readonly (readonly [string, number])[] = [
  ['ecr_i', 0.41],
  ['private', 0.19],
  ['http', 0.15],
  ['smtp', 0.06],
  ['other', 0.045],
  ['domain_u', 0.04],
  ['ftp_data', 0.03],
  ['eco_i', 0.02],
  ['ftp', 0.012],
  ['telnet', 0.009],
  ['finger', 0.008],
  ['auth', 0.004],
  ['ntp_u', 0.004],
  ['pop_3', 0.003],
  ['ssh', 0.002],
]

/** What an alert of a kind always has; the site adds when and where. */
export type Kind = Pick<Alert, 'severity' | 'title' | 'group' | 'score' | 'reasons' | 'record'>

const BASE = {
  duration: 0,
  protocol_type: 'tcp',
  service: 'http',
  flag: 'SF',
  src_bytes: 0,
  dst_bytes: 0,
  land: 0,
  wrong_fragment: 0,
  urgent: 0,
  hot: 0,
  num_failed_logins: 0,
  logged_in: 0,
  num_compromised: 0,
  root_shell: 0,
  num_root: 0,
  count: 1,
  srv_count: 1,
  serror_rate: 0,
  rerror_rate: 0,
  same_srv_rate: 1,
  diff_srv_rate: 0,
  dst_host_count: 255,
  dst_host_srv_count: 255,
  dst_host_same_srv_rate: 1,
  dst_host_serror_rate: 0,
}

export const KINDS: readonly Kind[] = [
  {
    severity: 'critical',
    title: 'tcp private S0: 289 connections in 2 s, all refused to answer',
    group: 'tcp/private/S0',
    score: 0.914,
    reasons: [
      reason('serror_rate', 1, 0.38, 'serror_rate 1.00 is far above the usual 0 to 0.05'),
      reason('count', 289, 0.27, 'count 289 is far above the usual 1 to 24'),
      reason('flag', 'S0', 0.19, 'flag S0 is rare: 1 in 340 connections'),
      reason('same_srv_rate', 0.03, 0.11, 'same_srv_rate 0.03 is far below the usual 0.9 to 1'),
      reason('service', 'private', 0.05, 'service private is seldom used with tcp'),
    ],
    record: {
      ...BASE,
      service: 'private',
      flag: 'S0',
      count: 289,
      srv_count: 9,
      serror_rate: 1,
      same_srv_rate: 0.03,
      diff_srv_rate: 0.06,
      dst_host_srv_count: 9,
      dst_host_serror_rate: 1,
      total_bytes: 0,
    },
  },
  {
    severity: 'high',
    title: 'icmp ecr_i SF: 1,032 bytes, 511 alike in 2 s',
    group: 'icmp/ecr_i/SF',
    score: 0.803,
    reasons: [
      reason('srv_count', 511, 0.44, 'srv_count 511 is far above the usual 1 to 31'),
      reason('src_bytes', 1032, 0.31, 'src_bytes 1,032 is unusual for ecr_i: 30 to 64'),
      reason('protocol_type', 'icmp', 0.12, 'protocol_type icmp with this many connections is rare'),
    ],
    record: {
      ...BASE,
      protocol_type: 'icmp',
      service: 'ecr_i',
      src_bytes: 1032,
      count: 511,
      srv_count: 511,
      total_bytes: 1032,
    },
  },
  {
    severity: 'high',
    title: 'tcp http SF: 54,540 bytes sent, 2 hot indicators',
    group: 'tcp/http/SF',
    score: 0.777,
    reasons: [
      reason('src_bytes', 54540, 0.52, 'src_bytes 54,540 is far above the usual 0 to 1,032'),
      reason('hot', 2, 0.23, 'hot 2 is above the usual 0'),
      reason('num_compromised', 1, 0.17, 'num_compromised 1 is above the usual 0'),
    ],
    record: {
      ...BASE,
      src_bytes: 54540,
      dst_bytes: 8314,
      hot: 2,
      logged_in: 1,
      num_compromised: 1,
      count: 4,
      srv_count: 4,
      rerror_rate: 0.25,
      total_bytes: 62854,
    },
  },
  {
    severity: 'medium',
    title: 'tcp telnet SF: 5 failed logins in 23 s',
    group: 'tcp/telnet/SF',
    score: 0.671,
    reasons: [
      reason('num_failed_logins', 5, 0.61, 'num_failed_logins 5 is above the usual 0'),
      reason('duration', 23, 0.18, 'duration 23 is above the usual 0 to 4'),
      reason('service', 'telnet', 0.12, 'service telnet is rare: 1 in 960 connections'),
    ],
    record: {
      ...BASE,
      duration: 23,
      service: 'telnet',
      src_bytes: 104,
      dst_bytes: 276,
      num_failed_logins: 5,
      total_bytes: 380,
    },
  },
  {
    severity: 'low',
    title: 'udp other SF: scan of 152 services on one host',
    group: 'udp/other/SF',
    score: 0.604,
    reasons: [
      reason('diff_srv_rate', 0.92, 0.49, 'diff_srv_rate 0.92 is far above the usual 0 to 0.1'),
      reason('dst_host_srv_count', 2, 0.28, 'dst_host_srv_count 2 is far below the usual 90 to 255'),
    ],
    record: {
      ...BASE,
      protocol_type: 'udp',
      service: 'other',
      src_bytes: 1,
      dst_bytes: 1,
      count: 152,
      same_srv_rate: 0.01,
      diff_srv_rate: 0.92,
      dst_host_srv_count: 2,
      total_bytes: 2,
    },
  },
]

function reason(feature: string, value: string | number, share: number, text: string) {
  return { feature, value, share, text }
}
