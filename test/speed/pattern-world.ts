import { z } from 'zod'
import { json } from '../../lib/formats/json.ts'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { countStage } from '../../lib/speed/count.ts'
import { type EntryStage, entryConsumer } from '../../lib/speed/entry-consumer.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import type { BoardOptions } from '../../lib/state/boards.ts'
import type { Progress } from '../../lib/state/progress.ts'
import { sweepBoards } from '../../lib/state/sweep-boards.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import { defineStream } from '../../lib/stream/define.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { AMPLE, testPorts } from '../support/ports.ts'
import { Schedule, scheduled } from '../support/schedule.ts'
import { eventOf, firstOf, RAW, START_MS, seeded } from './archive-world.ts'

const SLOT_MS = 60_000
const PORTS_LIMIT = 5
const FAILURES_LIMIT = 3
const SCAN_MS = 3 * SLOT_MS
const FAILURES_MS = 2 * SLOT_MS
const SEQUENCE_MS = 150_000
const seen = {
  first: { kind: 'min', field: '@eventTime' },
  last: { kind: 'max', field: '@eventTime' },
} as const

/** Thresholds of both kinds and a sequence, on small windows. */
export const patternStream = defineStream({
  name: 'test',
  title: 'Test',
  description: 'Records of tests.',
  format: json(),
  schema: z.object({ source: z.string(), target: z.string(), port: z.number().int(), kind: z.string() }),
  key: ({ source }) => source,
  views: {
    scans: {
      title: 'Ports of a source',
      groupBy: ['source'],
      slotMs: SLOT_MS,
      aggregates: { ports: { kind: 'distinct', field: 'port' }, ...seen },
    },
    failures: {
      title: 'Failures of a source at a target',
      where: [{ field: 'kind', in: ['failure'] }],
      groupBy: ['source', 'target'],
      slotMs: SLOT_MS,
      aggregates: { count: { kind: 'count' } },
    },
    probes: {
      title: 'Probes',
      where: [{ field: 'kind', in: ['probe'] }],
      groupBy: ['source'],
      slotMs: SLOT_MS,
      aggregates: seen,
    },
    entries: {
      title: 'Entries',
      where: [{ field: 'kind', in: ['entry'] }],
      groupBy: ['source'],
      slotMs: SLOT_MS,
      aggregates: seen,
    },
  },
  patterns: {
    scan: {
      kind: 'threshold',
      title: 'Scan',
      severity: 'medium',
      view: 'scans',
      aggregate: 'ports',
      limit: PORTS_LIMIT,
      windowMs: SCAN_MS,
    },
    guessing: {
      kind: 'threshold',
      title: 'Guessing',
      severity: 'high',
      view: 'failures',
      aggregate: 'count',
      limit: FAILURES_LIMIT,
      windowMs: FAILURES_MS,
    },
    intrusion: {
      kind: 'sequence',
      title: 'Intrusion',
      severity: 'critical',
      first: 'probes',
      next: 'entries',
      windowMs: SEQUENCE_MS,
    },
  },
  partitions: 1,
})

/** What retries of `score` may leave: records of few sources, some late, origins again with another verdict. */
export function enrichedRecords(seed: number, origins: number): readonly Entry[] {
  const random = seeded(seed)
  const log: Entry[] = []
  for (let next = 0; next < origins; ) {
    const from = Math.max(0, next - random(6) * random(2))
    const to = Math.min(origins, Math.max(next, from) + 1 + random(7))
    for (let offset = from; offset < to; offset++) log.push(recordOf(random, offset))
    next = to
  }
  return log
}

function recordOf(random: (n: number) => number, offset: number): Entry {
  const appendTime = START_MS + offset * 15_000
  const value = {
    source: `s${random(3)}`,
    target: `t${random(2)}`,
    port: random(12),
    kind: ['failure', 'failure', 'probe', 'entry', 'other'][random(5)] ?? '',
  }
  const eventTime = appendTime - random(2) * random(240_000)
  const head = { site: 'here', topic: RAW, partition: 0, offset, appendTime, eventTime }
  return random(12) === 0 ? { ...head, outcome: 'drop', rule: 'r', value } : { ...head, outcome: 'ok', value }
}

interface Seen {
  readonly timeMs: number
  readonly value: Readonly<Record<string, unknown>>
}

const slotOf = (timeMs: number) => timeMs - (timeMs % SLOT_MS)

/** `<pattern> <key> <start of stretch>` of every alert there must be, found by trying all records with all others. */
export function alertsDue(log: readonly Entry[]): readonly string[] {
  const all = firstOf(log).flatMap((entry): Seen[] =>
    entry.outcome === 'ok' ? [{ timeMs: entry.eventTime, value: entry.value }] : [],
  )
  const due = new Set<string>()
  const say = (pattern: string, key: string, timeMs: number, windowMs: number) =>
    due.add(`${pattern} ${key} ${Math.floor(slotOf(timeMs) / windowMs) * windowMs}`)
  for (const one of all) {
    const { source, target, kind } = one.value
    const before = (windowMs: number) => {
      const toMs = slotOf(one.timeMs) + SLOT_MS
      return all.filter(
        ({ timeMs, value }) => value.source === source && timeMs < toMs && timeMs >= toMs - windowMs,
      )
    }
    if (new Set(before(SCAN_MS).map(({ value }) => value.port)).size >= PORTS_LIMIT)
      say('scan', `${source}`, one.timeMs, SCAN_MS)
    const failures = before(FAILURES_MS).filter(
      ({ value }) => value.kind === 'failure' && value.target === target,
    )
    if (kind === 'failure' && failures.length >= FAILURES_LIMIT)
      say('guessing', `${source}|${target}`, one.timeMs, FAILURES_MS)
    const probed = all.some(
      ({ timeMs, value }) =>
        value.source === source &&
        value.kind === 'probe' &&
        timeMs <= one.timeMs &&
        one.timeMs - timeMs <= SEQUENCE_MS,
    )
    if (kind === 'entry' && probed) say('intrusion', `${source}`, one.timeMs, SEQUENCE_MS)
  }
  return [...due].sort()
}

export type Count = EntryStage<{ readonly progress: Progress }>

export interface World {
  readonly keyed: MemoryKeyed
  readonly objects: MemoryObjects
}

/** What is put in the way of `count` to take a rule away. */
export interface Without {
  readonly keyed?: (keyed: KeyedStore) => KeyedStore
  readonly stage?: (stage: Count, ports: Ports) => Count
  readonly boards?: BoardOptions
}

/** A mapping over two environments, with zombies, on stores whose calls fail, lose their answers and interleave. */
export async function deliver(log: readonly Entry[], seed: number, without: Without = {}): Promise<World> {
  const chance = without.boards === undefined ? 0.04 : 0.02
  const schedule = new Schedule(seed, { fail: chance, lose: chance, late: 0 })
  const { random } = schedule
  const world = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
  const ports = testPorts({
    keyed: scheduled(without.keyed?.(world.keyed) ?? world.keyed, ['put', 'get', 'transact'], schedule),
    objects: scheduled(world.objects, ['put', 'get'], schedule),
  })
  const environments = [0, 1].map(() => {
    const stage = countStage(patternStream, ports, without.boards)
    return entryConsumer('test', without.stage?.(stage, ports) ?? stage, ports)
  })
  const zombies: Promise<unknown>[] = []
  let next = 0
  while (next < log.length) {
    const from = Math.max(0, next - Math.floor(random() * 4))
    const to = Math.min(log.length, next + 1 + Math.floor(random() * 10))
    // Mostly the same environment for a while, so that it goes by what it knows, and sometimes another one in between.
    const environment = environments[random() < 0.8 ? Math.floor(next / 15) % 2 : Math.floor(random() * 2)]
    const attempt = (environment as (typeof environments)[0])(eventOf(log, from, to), AMPLE)
    if (random() < 0.2) {
      zombies.push(attempt)
      await schedule.turn()
      if (without.boards !== undefined) await sweepBoards(world, 'test')
    } else if ((await attempt).batchItemFailures.length === 0) next = to
  }
  await Promise.all(zombies)
  return world
}

/** `<pattern> <key> <start of stretch>` of every alert in the log, sorted; one that is there twice stands twice. */
export async function alertsRaised({ keyed, objects }: World): Promise<readonly string[]> {
  const all = await alertsOf({ keyed, objects })
  return all.map(nameOf).sort()
}

export async function alertsOf({ keyed, objects }: World): Promise<readonly Alert[]> {
  const log = new AlertLog('test', testPorts({ keyed, objects }))
  const alerts: Alert[] = []
  const { page: end } = await log.end()
  for (let page = 0; page < end; page++) alerts.push(...((await log.page(page)) ?? []))
  return alerts
}

function nameOf({ record, group, origin }: Alert): string {
  const pattern = String(record.pattern)
  const windowMs = patternStream.patterns[pattern]?.windowMs ?? Number.NaN
  return `${group} ${Math.floor((origin.offset * SLOT_MS) / windowMs) * windowMs}`
}
