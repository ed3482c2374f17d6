import { CLIENTS, type DemoContent, type DemoDraft, type Draw, SERVERS } from './demo-connection.ts'

interface Profile {
  readonly weight: number
  readonly service: string
  readonly protocol: DemoDraft['protocol']
  /** Servers that offer it, from the first on. */
  readonly servers: number
  readonly durationS?: (draw: Draw) => number
  readonly srcBytes: (draw: Draw) => number
  readonly dstBytes: (draw: Draw) => number
  readonly content?: (draw: Draw) => DemoContent
}

const none = () => 0
const loggedIn = () => ({ logged_in: 1 })

/** What an office network does all day: shares and sizes as one would expect them, taken from nobody's data. */
const PROFILES: readonly Profile[] = [
  {
    weight: 610,
    service: 'http',
    protocol: 'tcp',
    servers: 8,
    durationS: (d) => (d.chance(0.06) ? d.between(1, 12) : 0),
    srcBytes: (d) => d.size(235, 0.25),
    dstBytes: (d) => d.size(2100, 1.1),
    content: loggedIn,
  },
  {
    weight: 110,
    service: 'smtp',
    protocol: 'tcp',
    servers: 2,
    durationS: (d) => d.between(0, 4),
    srcBytes: (d) => d.size(1100, 0.6),
    dstBytes: (d) => d.size(330, 0.12),
    content: loggedIn,
  },
  {
    weight: 120,
    service: 'domain_u',
    protocol: 'udp',
    servers: 2,
    srcBytes: (d) => d.between(28, 46),
    dstBytes: (d) => d.between(42, 146),
  },
  {
    weight: 55,
    service: 'private',
    protocol: 'udp',
    servers: 4,
    srcBytes: (d) => d.of([105, 105, 105, 147]),
    dstBytes: (d) => d.of([105, 105, 146, 146]),
  },
  {
    weight: 45,
    service: 'ftp_data',
    protocol: 'tcp',
    servers: 3,
    durationS: (d) => d.between(0, 3),
    srcBytes: (d) => d.size(1500, 1.6),
    dstBytes: none,
    content: (d) => ({ logged_in: d.chance(0.75) ? 1 : 0 }),
  },
  {
    weight: 12,
    service: 'ftp',
    protocol: 'tcp',
    servers: 3,
    durationS: (d) => d.size(9, 0.9),
    srcBytes: (d) => d.size(190, 0.5),
    dstBytes: (d) => d.size(520, 0.5),
    content: (d) => ({ logged_in: 1, hot: d.between(0, 2), is_guest_login: d.chance(0.4) ? 1 : 0 }),
  },
  {
    weight: 10,
    service: 'telnet',
    protocol: 'tcp',
    servers: 3,
    durationS: (d) => d.size(50, 1.1),
    srcBytes: (d) => d.size(320, 0.8),
    dstBytes: (d) => d.size(1800, 0.9),
    content: (d) => ({ logged_in: 1, num_failed_logins: d.chance(0.04) ? 1 : 0 }),
  },
  {
    weight: 9,
    service: 'pop_3',
    protocol: 'tcp',
    servers: 2,
    srcBytes: (d) => d.between(25, 34),
    dstBytes: (d) => d.size(220, 0.6),
    content: loggedIn,
  },
  {
    weight: 14,
    service: 'eco_i',
    protocol: 'icmp',
    servers: 6,
    srcBytes: (d) => d.of([8, 30, 64]),
    dstBytes: none,
  },
  {
    weight: 10,
    service: 'ecr_i',
    protocol: 'icmp',
    servers: 6,
    srcBytes: (d) => d.of([30, 64, 64, 120]),
    dstBytes: none,
  },
  {
    weight: 11,
    service: 'finger',
    protocol: 'tcp',
    servers: 2,
    srcBytes: (d) => d.between(5, 12),
    dstBytes: (d) => d.size(140, 0.5),
  },
  {
    weight: 7,
    service: 'auth',
    protocol: 'tcp',
    servers: 4,
    srcBytes: (d) => d.between(8, 13),
    dstBytes: (d) => d.between(24, 38),
  },
  { weight: 12, service: 'ntp_u', protocol: 'udp', servers: 2, srcBytes: () => 48, dstBytes: () => 48 },
  {
    weight: 18,
    service: 'other',
    protocol: 'udp',
    servers: 8,
    durationS: (d) => (d.chance(0.3) ? d.size(60, 1) : 0),
    srcBytes: (d) => d.size(146, 0.2),
    dstBytes: (d) => d.size(105, 0.3),
  },
]

/** How TCP connections end on a calm day. */
const ENDINGS = [
  { weight: 965, flag: 'SF' },
  { weight: 18, flag: 'REJ' },
  { weight: 6, flag: 'RSTO' },
  { weight: 4, flag: 'S0' },
  { weight: 4, flag: 'S1' },
  { weight: 3, flag: 'RSTR' },
] as const

/** One connection of a calm day. */
export function normalConnection(draw: Draw): DemoDraft {
  const profile = draw.weighted(PROFILES)
  const { service, protocol } = profile
  const flag = protocol === 'tcp' ? draw.weighted(ENDINGS).flag : 'SF'
  const party = {
    // A few clients are busy, most are not.
    source: SERVERS + Math.floor(CLIENTS * draw.uniform() ** 2),
    sourcePort: protocol === 'icmp' ? 0 : draw.port(),
    destination: draw.between(0, profile.servers - 1),
  }
  const common = { ...party, protocol, service, flag, label: 'normal.' }
  // Refused or unanswered: nothing was said.
  if (flag === 'REJ' || flag === 'S0') return { ...common, durationS: 0, srcBytes: 0, dstBytes: 0 }
  const content = profile.content?.(draw)
  return {
    ...common,
    durationS: profile.durationS?.(draw) ?? 0,
    srcBytes: profile.srcBytes(draw),
    dstBytes: profile.dstBytes(draw),
    ...(content !== undefined && { content }),
  }
}
