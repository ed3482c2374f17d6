import { seededRandom } from '../stream/random.ts'
import { Draw } from './demo-connection.ts'
import type { DemoRecord, DemoStreamOptions } from './demo-record.ts'

const RATE_PER_S = 0.5
/** Attacks come one after the other, the first for those who have just opened the page. */
const FIRST_ATTACK_MS = 6_000
const CALM_MS = { from: 25_000, to: 60_000 }

interface Rule {
  readonly weight: number
  readonly sid: number
  readonly message: string
  /** Short name of the class, as Snort's classification has it. */
  readonly class: string
  /** 1 is the gravest. */
  readonly priority: number
  readonly inbound: boolean
  readonly port: number
}

/** What fires all day and means little. */
const NOISE: readonly Rule[] = [
  rule(30, 9_000_001, 'DNS query for a dynamic address name', 'bad-unknown', 3, false, 53),
  rule(22, 9_000_002, 'TLS certificate is self-signed', 'protocol-command-decode', 3, false, 443),
  rule(18, 9_000_003, 'Web crawler without a name', 'web-application-activity', 3, true, 80),
  rule(12, 9_000_004, 'Software update over plain HTTP', 'policy-violation', 3, false, 80),
  rule(9, 9_000_005, 'Echo request with odd padding', 'misc-activity', 3, true, 0),
  rule(6, 9_000_006, 'Request for a configuration file', 'web-application-attack', 2, true, 80),
  rule(3, 9_000_007, 'Old TLS version offered', 'policy-violation', 2, false, 443),
]

const SCAN = rule(1, 9_000_101, 'Connection to a closed port', 'attempted-recon', 2, true, 0)
const LOGIN = rule(1, 9_000_102, 'SSH login failed', 'unsuccessful-user', 2, true, 22)
const EXPLOIT = rule(1, 9_000_103, 'Overlong header to a mail server', 'attempted-admin', 1, true, 25)
const BEACON = rule(1, 9_000_104, 'Regular call to a known control host', 'trojan-activity', 1, false, 8443)
const SHELL = rule(1, 9_000_105, 'Command shell over plain TCP', 'successful-admin', 1, false, 4444)

interface Step {
  readonly rule: Rule
  readonly count: number
  readonly everyMs: number
  /** The port of each alert; the rule's own where it is absent. */
  readonly ports?: boolean
  /** Each alert is about another host of the network. */
  readonly hosts?: boolean
}

/** What attackers do, step by step. */
const ATTACKS: readonly (readonly Step[])[] = [
  [{ rule: SCAN, count: 60, everyMs: 250, ports: true }],
  [
    { rule: LOGIN, count: 45, everyMs: 300 },
    { rule: SHELL, count: 2, everyMs: 900 },
  ],
  [
    { rule: SCAN, count: 25, everyMs: 300, ports: true },
    { rule: EXPLOIT, count: 3, everyMs: 1_200 },
    { rule: SHELL, count: 1, everyMs: 500 },
  ],
  [{ rule: SCAN, count: 50, everyMs: 250, hosts: true }],
  [{ rule: BEACON, count: 8, everyMs: 2_500 }],
]

interface Alert {
  readonly rule: Rule
  readonly atMs: number
  readonly inside: string
  readonly outside: string
  readonly port: number
}

/** Alerts of a sensor at the edge of a network, as Suricata writes them: noise, and attacks one after the other. */
export function* demoNids({ seed, startMs, pastMs = 0 }: DemoStreamOptions): Generator<DemoRecord, never> {
  const draw = new Draw(seededRandom(seed))
  let nth = 0
  let attack = attackAt(draw, FIRST_ATTACK_MS, nth++)
  let noiseMs = -pastMs
  for (;;) {
    const [next] = attack
    if (next === undefined || noiseMs < next.atMs) {
      yield eve(draw, noise(draw, noiseMs), startMs)
      if (next === undefined) attack = attackAt(draw, noiseMs + draw.between(CALM_MS.from, CALM_MS.to), nth++)
      noiseMs += draw.gapMs(RATE_PER_S)
      continue
    }
    attack = attack.slice(1)
    yield eve(draw, next, startMs)
  }
}

function noise(draw: Draw, atMs: number): Alert {
  const fired = draw.weighted(NOISE)
  return { rule: fired, atMs, inside: insider(draw), outside: outsider(draw), port: fired.port }
}

/** All alerts of the nth attack, in order. */
function attackAt(draw: Draw, fromMs: number, nth: number): readonly Alert[] {
  const [inside, outside] = [insider(draw), outsider(draw)]
  let atMs = fromMs
  return (ATTACKS[nth % ATTACKS.length] ?? []).flatMap(({ rule: fired, count, everyMs, ports, hosts }) =>
    Array.from({ length: count }, (_, i): Alert => {
      atMs += everyMs
      return {
        rule: fired,
        atMs,
        inside: hosts === true ? `10.20.${Math.floor(i / 200)}.${(i % 200) + 10}` : inside,
        outside,
        port: ports === true ? 20 + i * 7 : hosts === true ? 445 : fired.port,
      }
    }),
  )
}

function eve(draw: Draw, { rule: fired, atMs, inside, outside, port }: Alert, startMs: number): DemoRecord {
  const [from, to] = fired.inbound ? [outside, inside] : [inside, outside]
  const event = {
    // Suricata writes microseconds and an offset without a colon.
    timestamp: new Date(startMs + atMs).toISOString().replace('Z', '000+0000'),
    event_type: 'alert',
    src_ip: from,
    src_port: draw.port(),
    dest_ip: to,
    dest_port: port,
    proto: fired.port === 0 && port === 0 ? 'ICMP' : fired.port === 53 ? 'UDP' : 'TCP',
    alert: {
      action: 'allowed',
      gid: 1,
      signature_id: fired.sid,
      rev: 1,
      signature: fired.message,
      category: fired.class,
      severity: fired.priority,
    },
  }
  return { line: JSON.stringify(event), atMs }
}

function insider(draw: Draw): string {
  return `10.20.${draw.between(0, 1)}.${draw.between(10, 60)}`
}

/** Of the networks that documentation may name (RFC 5737). */
function outsider(draw: Draw): string {
  return `${draw.of(['192.0.2', '198.51.100', '203.0.113'])}.${draw.between(1, 254)}`
}

function rule(
  weight: number,
  sid: number,
  message: string,
  className: string,
  priority: number,
  inbound: boolean,
  port: number,
): Rule {
  return { weight, sid, message, class: className, priority, inbound, port }
}
