/**
 * A day of intrusion alerts as Suricata writes them, seeded. What is assumed of the background:
 *
 * - Few causes make most alerts: rules fire as Zipf has it (exponent 1.1), and the ten most frequent are mild ones (K. Julisch,
 *   "Clustering intrusion detection alarms to support root cause analysis", TISSEC 2003: a few dozen causes, over 90 % of
 *   alarms). Some 400 rules of the many that are loaded fire in a day.
 * - Inbound alerts come from 60,000 external addresses (Zipf, 1.05) and go to 300 local servers; 15 % of the addresses are on a
 *   list of bad ones, and 40 % of the thousand busiest.
 * - Outbound ones come from 3,000 clients; a rule that misfires does so on a number of them that is heavy-tailed (most on a
 *   few, some on all). One in 200 of the addresses they speak to is on the list.
 * - Internal ones are what clients do to servers, and a vulnerability scanner of the house, which sets off every third rule.
 */
import { below, type Random } from '../../lib/stream/random.ts'

export const DAY_MS = 86_400_000
export const DAY_START_MS = Date.UTC(2026, 2, 10)
export const HOUSE_SCANNER = '10.0.9.9'

/** Category and priority as in classification.config, and how many in a hundred rules have them. */
const CLASSES: readonly (readonly [string, 1 | 2 | 3, number])[] = [
  ['A Network Trojan was detected', 1, 18],
  ['Attempted Information Leak', 2, 14],
  ['Misc Attack', 2, 10],
  ['Potentially Bad Traffic', 2, 10],
  ['Web Application Attack', 1, 10],
  ['Attempted Administrator Privilege Gain', 1, 7],
  ['Potential Corporate Privacy Violation', 1, 8],
  ['Attempted User Privilege Gain', 1, 4],
  ['Misc activity', 3, 7],
  ['Generic Protocol Command Decode', 3, 6],
  ['Not Suspicious Traffic', 3, 2],
  ['Attempted Denial of Service', 2, 2],
  ['Detection of a Network Scan', 3, 2],
]
const MILD = ['Misc activity', 'Generic Protocol Command Decode', 'Potentially Bad Traffic', 'Misc Attack']

export type Shape = 'inbound' | 'outbound' | 'internal'

export interface Rule {
  readonly sid: number
  readonly category: string
  readonly priority: 1 | 2 | 3
  readonly shapes: readonly Shape[]
  /** Clients it misfires on. */
  readonly clients: number
}

/** One alert to come: who, whom, which rule. `phase`: index of the injected phase; -1 is background. */
export interface Draft {
  readonly rule: Rule
  readonly source: string
  readonly destination: string
  readonly destinationPort: number
  readonly phase: number
}

export interface Background {
  readonly rules: readonly Rule[]
  readonly badAddresses: string
  next(): Draft
}

/** External addresses by their rank, the busiest first. */
export const external = (rank: number) =>
  `${11 + (rank % 89)}.${(rank >> 3) % 256}.${(rank * 7) % 256}.${1 + (rank % 253)}`
export const server = (i: number) => `10.0.${1 + (i >> 7)}.${1 + (i & 127)}`
export const client = (i: number) => `10.1.${i >> 7}.${1 + (i & 127)}`

const EXTERNALS = 60_000
const SERVERS = 300
const CLIENTS = 3000
/** Of external addresses, those that clients speak to: apart from the ones that attack. */
const PEER_FROM = 100_000
const PEERS = 5000

export function background(random: Random, ruleCount = 400): Background {
  const rules = Array.from({ length: ruleCount }, (_, rank) => ruleOf(rank, random))
  const drawRule = zipf(ruleCount, 1.1, random)
  const drawExternal = zipf(EXTERNALS, 1.05, random)
  const drawServer = zipf(SERVERS, 0.8, random)
  const drawPeer = zipf(PEERS, 1, random)
  const byShape: Record<Shape, (rule: Rule) => readonly [string, string]> = {
    inbound: () => [external(drawExternal()), server(drawServer())],
    outbound: ({ clients, sid }) => [
      client((sid * 31 + below(random, clients)) % CLIENTS),
      external(PEER_FROM + drawPeer()),
    ],
    internal: ({ clients, sid }) =>
      sid % 3 === 0 && random() < 0.5
        ? [HOUSE_SCANNER, server(drawServer())]
        : [client((sid * 31 + below(random, clients)) % CLIENTS), server(drawServer())],
  }
  return {
    rules,
    badAddresses: badAddresses(random),
    next() {
      const rule = rules[drawRule()] as Rule
      const shape = rule.shapes[below(random, rule.shapes.length)] ?? 'inbound'
      const [source, destination] = byShape[shape](rule)
      return { rule, source, destination, destinationPort: 1 + below(random, 10_000), phase: -1 }
    },
  }
}

function ruleOf(rank: number, random: Random): Rule {
  const mild = rank < 10 ? MILD[below(random, MILD.length)] : undefined
  const [category, priority] = CLASSES.find(([name]) => name === mild) ?? classOf(random)
  const attack = /Attack|Attempted|Scan/.test(category)
  // Out of ten: where such rules are set off.
  const shapes = attack ? 'iiiiiiiiin' : /Trojan/.test(category) ? 'ooooooiiii' : 'oooooonnii'
  const SHAPES: Record<string, Shape> = { i: 'inbound', o: 'outbound', n: 'internal' }
  return {
    sid: 2_000_000 + rank * 7,
    category,
    priority,
    shapes: [...shapes].map((letter) => SHAPES[letter] ?? 'inbound'),
    clients: Math.min(CLIENTS, Math.ceil(1 / (1 - random()) ** 1.5)),
  }
}

function classOf(random: Random): readonly [string, 1 | 2 | 3] {
  let left = random() * 100
  for (const [category, priority, share] of CLASSES) {
    left -= share
    if (left < 0) return [category, priority]
  }
  return ['Misc activity', 3]
}

function badAddresses(random: Random): string {
  const lines: string[] = []
  for (let rank = 0; rank < EXTERNALS; rank++)
    if (random() < (rank < 1000 ? 0.4 : 0.15)) lines.push(external(rank))
  for (let peer = 0; peer < PEERS; peer++) if (random() < 0.005) lines.push(external(PEER_FROM + peer))
  return lines.join('\n')
}

/** Ranks below `count`, rank r as often as 1 / (r + 1) ** exponent. */
function zipf(count: number, exponent: number, random: Random): () => number {
  const sums = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) {
    sum += 1 / (i + 1) ** exponent
    sums[i] = sum
  }
  return () => {
    const wanted = random() * sum
    let from = 0
    let to = count - 1
    while (from < to) {
      const middle = (from + to) >> 1
      if ((sums[middle] ?? 0) < wanted) from = middle + 1
      else to = middle
    }
    return from
  }
}

/** The line of eve.json. */
export function eveLine({ rule, source, destination, destinationPort }: Draft, timeMs: number): string {
  return JSON.stringify({
    timestamp: `${new Date(timeMs).toISOString().slice(0, -1)}000+0000`,
    event_type: 'alert',
    src_ip: source,
    src_port: 40_000 + (timeMs % 20_000),
    dest_ip: destination,
    dest_port: destinationPort,
    proto: 'TCP',
    alert: {
      action: 'allowed',
      gid: 1,
      signature_id: rule.sid,
      rev: 1,
      signature: `Rule ${rule.sid}`,
      category: rule.category,
      severity: rule.priority,
    },
  })
}
