import { CLIENTS, type DemoDraft, type Draw, SERVERS } from './demo-connection.ts'

/** An attack as it is played: how long, how dense, and what its connections look like. */
export interface DemoAttack {
  readonly label: string
  readonly durationMs: number
  readonly ratePerS: number
  /** Fixes who attacks whom, and gives the connections of this one attack. */
  begin(draw: Draw): (nth: number) => DemoDraft
}

const SWEPT = [
  'ftp',
  'ssh',
  'telnet',
  'smtp',
  'domain',
  'gopher',
  'finger',
  'http',
  'pop_3',
  'sunrpc',
  'auth',
  'nntp',
  'imap4',
  'Z39_50',
  'bgp',
  'ldap',
  'exec',
  'login',
  'shell',
  'printer',
  'uucp',
  'klogin',
  'X11',
  'IRC',
  'private',
] as const

const FLOODED = ['private', 'http', 'telnet', 'ftp_data', 'smtp', 'private', 'private'] as const

function outsider(draw: Draw): number {
  return SERVERS + CLIENTS + draw.between(0, 9999)
}

function victim(draw: Draw): number {
  return draw.between(0, SERVERS - 1)
}

/** Half-open connections from forged addresses, until the victim takes no more. */
const synFlood: DemoAttack = {
  label: 'neptune.',
  durationMs: 3000,
  ratePerS: 300,
  begin(draw) {
    const destination = victim(draw)
    const service = draw.of(FLOODED)
    return () => ({
      source: outsider(draw),
      sourcePort: draw.port(),
      destination,
      protocol: 'tcp',
      service,
      flag: 'S0',
      durationS: 0,
      srcBytes: 0,
      dstBytes: 0,
      label: 'neptune.',
    })
  },
}

/** Echo replies of a whole network, called for in the victim's name. */
const icmpFlood: DemoAttack = {
  label: 'smurf.',
  durationMs: 3000,
  ratePerS: 350,
  begin(draw) {
    const destination = victim(draw)
    const srcBytes = draw.of([520, 1032])
    return () => ({
      source: outsider(draw),
      sourcePort: 0,
      destination,
      protocol: 'icmp',
      service: 'ecr_i',
      flag: 'SF',
      durationS: 0,
      srcBytes,
      dstBytes: 0,
      label: 'smurf.',
    })
  },
}

/** One stranger tries every door of a host. */
const portSweep: DemoAttack = {
  label: 'portsweep.',
  durationMs: 4000,
  ratePerS: 12,
  begin(draw) {
    const [source, sourcePort, destination] = [outsider(draw), draw.port(), victim(draw)]
    return (nth) => ({
      source,
      sourcePort,
      destination,
      protocol: 'tcp',
      service: SWEPT[nth % SWEPT.length] ?? 'private',
      flag: draw.of(['REJ', 'REJ', 'RSTR', 'S0']),
      durationS: draw.chance(0.1) ? draw.between(1, 40) : 0,
      srcBytes: 0,
      dstBytes: 0,
      label: 'portsweep.',
    })
  },
}

/** The same account, password after password. */
const passwordGuessing: DemoAttack = {
  label: 'guess_passwd.',
  durationMs: 5000,
  ratePerS: 3,
  begin(draw) {
    const [source, destination, service] = [
      outsider(draw),
      draw.between(0, 2),
      draw.of(['telnet', 'ftp', 'pop_3']),
    ]
    return () => ({
      source,
      sourcePort: draw.port(),
      destination,
      protocol: 'tcp',
      service,
      flag: draw.of(['RSTO', 'RSTO', 'SF']),
      durationS: draw.between(2, 5),
      srcBytes: draw.between(120, 132),
      dstBytes: draw.between(170, 182),
      content: { hot: 1, num_failed_logins: draw.between(1, 5) },
      label: 'guess_passwd.',
    })
  },
}

/** Requests of many thousand slashes, to keep a web server busy. */
const longRequests: DemoAttack = {
  label: 'back.',
  durationMs: 3000,
  ratePerS: 8,
  begin(draw) {
    const [source, destination] = [outsider(draw), draw.between(0, 7)]
    return () => ({
      source,
      sourcePort: draw.port(),
      destination,
      protocol: 'tcp',
      service: 'http',
      flag: draw.chance(0.1) ? 'RSTR' : 'SF',
      durationS: draw.between(0, 6),
      srcBytes: 54_540,
      dstBytes: draw.of([7300, 8314, 8314]),
      content: { hot: 2, logged_in: 1, num_compromised: 1 },
      label: 'back.',
    })
  },
}

/** Slow and rare: somebody at home on a server who becomes root. */
const rootShell: DemoAttack = {
  label: 'buffer_overflow.',
  durationMs: 8000,
  ratePerS: 0.5,
  begin(draw) {
    const [source, destination] = [outsider(draw), draw.between(0, 2)]
    return () => ({
      source,
      sourcePort: draw.port(),
      destination,
      protocol: 'tcp',
      service: 'telnet',
      flag: 'SF',
      durationS: draw.size(180, 0.4),
      srcBytes: draw.size(1600, 0.3),
      dstBytes: draw.size(5000, 0.5),
      content: {
        hot: draw.between(2, 5),
        logged_in: 1,
        num_compromised: draw.between(1, 3),
        root_shell: 1,
        num_root: draw.between(1, 4),
        num_file_creations: draw.between(1, 4),
        num_shells: 1,
        num_access_files: 1,
      },
      label: 'buffer_overflow.',
    })
  },
}

export const ATTACKS: readonly DemoAttack[] = [
  passwordGuessing,
  synFlood,
  longRequests,
  portSweep,
  icmpFlood,
  rootShell,
]
