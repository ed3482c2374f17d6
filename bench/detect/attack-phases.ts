/**
 * The attack phases that are injected into a day. `rule`: `own` is one that nothing else sets off that day; `shared` one of
 * the background's of that class, whichever the seed chooses, however often it fires.
 */
import { below, type Random } from '../../lib/stream/random.ts'
import {
  type Background,
  client,
  DAY_MS,
  DAY_START_MS,
  type Draft,
  external,
  type Rule,
  server,
} from './alert-day.ts'

interface Phase {
  readonly name: string
  readonly category: string
  readonly priority: 1 | 2 | 3
  readonly rule: 'own' | 'shared'
  readonly rules?: number
  readonly alerts: number
  readonly lastsMs: number
  readonly from: 'attacker' | 'listed attacker' | 'client' | 'server'
  readonly to: 'server' | 'servers' | 'attacker' | 'listed attacker'
  readonly ports?: number
}

const RECON = 'Attempted Information Leak'
const ADMIN = 'Attempted Administrator Privilege Gain'
const TROJAN = 'A Network Trojan was detected'
const MINUTE = 60_000
const HOUR = 3_600_000

// biome-ignore format: a table
export const PHASES: readonly Phase[] = [
  { name: 'port scan', category: RECON, priority: 2, rule: 'shared', rules: 3, alerts: 3000, lastsMs: 10 * MINUTE, from: 'attacker', to: 'server', ports: 2000 },
  { name: 'host sweep', category: RECON, priority: 2, rule: 'shared', alerts: 1500, lastsMs: 20 * MINUTE, from: 'attacker', to: 'servers', ports: 1 },
  { name: 'internal port scan', category: RECON, priority: 2, rule: 'shared', rules: 3, alerts: 800, lastsMs: 5 * MINUTE, from: 'client', to: 'server', ports: 800 },
  { name: 'slow scan, 1 alert/min', category: RECON, priority: 2, rule: 'shared', alerts: 1440, lastsMs: DAY_MS - MINUTE, from: 'attacker', to: 'server', ports: 1440 },
  { name: 'brute force', category: RECON, priority: 2, rule: 'shared', alerts: 4000, lastsMs: 2 * HOUR, from: 'attacker', to: 'server', ports: 1 },
  { name: 'internal brute force', category: 'An attempted login using a suspicious username was detected', priority: 2, rule: 'own', alerts: 300, lastsMs: 30 * MINUTE, from: 'client', to: 'server', ports: 1 },
  { name: 'exploit', category: ADMIN, priority: 1, rule: 'own', alerts: 12, lastsMs: MINUTE, from: 'attacker', to: 'server', ports: 1 },
  { name: 'web exploits, common rules', category: 'Web Application Attack', priority: 1, rule: 'shared', rules: 5, alerts: 200, lastsMs: 10 * MINUTE, from: 'listed attacker', to: 'server', ports: 1 },
  { name: 'C2 beacon', category: TROJAN, priority: 1, rule: 'own', alerts: 8, lastsMs: 8 * HOUR, from: 'client', to: 'attacker', ports: 1 },
  { name: 'C2 beacon to a listed address, common rule', category: TROJAN, priority: 1, rule: 'shared', alerts: 6, lastsMs: 6 * HOUR, from: 'client', to: 'listed attacker', ports: 1 },
  { name: 'lateral movement', category: ADMIN, priority: 1, rule: 'shared', rules: 2, alerts: 40, lastsMs: HOUR, from: 'server', to: 'servers', ports: 1 },
  { name: 'exfiltration', category: 'Potential Corporate Privacy Violation', priority: 1, rule: 'own', alerts: 200, lastsMs: 3 * HOUR, from: 'server', to: 'attacker', ports: 1 },
  { name: 'denial of service', category: 'Attempted Denial of Service', priority: 2, rule: 'shared', alerts: 20_000, lastsMs: 15 * MINUTE, from: 'attacker', to: 'server', ports: 1 },
  { name: 'one critical alert', category: 'Successful Administrator Privilege Gain', priority: 1, rule: 'own', alerts: 1, lastsMs: 1, from: 'listed attacker', to: 'server', ports: 1 },
]

export interface Timed {
  readonly timeMs: number
  readonly draft: Draft
}

/** All alerts of all phases, in order of time, and the lines to be added to the list of bad addresses. */
export function attackDay(
  { rules }: Background,
  random: Random,
): { readonly alerts: readonly Timed[]; readonly listed: string } {
  const listed: string[] = []
  const alerts = PHASES.flatMap((phase, i) => {
    const attacker = external(200_000 + i * 401 + below(random, 300))
    if (phase.from === 'listed attacker' || phase.to === 'listed attacker') listed.push(attacker)
    return alertsOf(phase, i, attacker, rulesOf(phase, i, rules, random), random)
  })
  return { alerts: alerts.sort((a, b) => a.timeMs - b.timeMs), listed: listed.join('\n') }
}

function alertsOf(
  phase: Phase,
  index: number,
  attacker: string,
  rules: readonly Rule[],
  random: Random,
): readonly Timed[] {
  const victim = below(random, 300)
  const bot = client(below(random, 3000))
  const hosts = { attacker, 'listed attacker': attacker, client: bot, server: server(victim) }
  const startMs = DAY_START_MS + below(random, DAY_MS - phase.lastsMs)
  return Array.from({ length: phase.alerts }, (_, i) => ({
    timeMs: startMs + Math.floor((i * phase.lastsMs) / phase.alerts),
    draft: {
      rule: rules[i % rules.length] as Rule,
      source: hosts[phase.from],
      destination: phase.to === 'servers' ? server((victim + 1 + i) % 300) : hosts[phase.to],
      destinationPort: 1 + (i % (phase.ports ?? 1)),
      phase: index,
    },
  }))
}

function rulesOf(phase: Phase, index: number, rules: readonly Rule[], random: Random): readonly Rule[] {
  const { category, priority, rules: count = 1 } = phase
  const known = rules.filter((rule) => rule.category === category)
  return Array.from({ length: count }, (_, i) => {
    const shared = phase.rule === 'shared' ? known[below(random, known.length)] : undefined
    return shared ?? { sid: 2_900_000 + index * 10 + i, category, priority, shapes: [], clients: 1 }
  })
}
