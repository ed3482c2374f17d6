/**
 * A day of a million intrusion alerts through parse, enrich, score, alert and incident, by several ways to group them.
 *
 *     node bench/detect/incidents.ts [alerts] [seeds] [first seed]      default 1000000 alerts, 5 seeds from 1 on
 *
 * A phase is KEPT when there is an incident of whose alerts at least half are that phase's. It is NAMED when it is kept, or an
 * incident shows one of its alerts (title, source, record). Precision: incidents that are mostly of a phase, of all; it
 * cannot be near 1, as a day of no attacks has incidents too: `grave` counts those of them that are high or critical.
 * What the day is made of: alert-day.ts; what is injected: attack-phases.ts.
 */
import { activityOf } from '../../lib/detect/activity.ts'
import { incidentId } from '../../lib/serve/incidents.ts'
import { decide, scoreAll } from '../../lib/speed/decide.ts'
import { EntryWriter } from '../../lib/speed/entry-text.ts'
import type { DeliveredRecord } from '../../lib/speed/kafka-event.ts'
import { alertOfEntry } from '../../lib/speed/notify.ts'
import { type Alert, graver } from '../../lib/stream/alert.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { emptyTables, type LoadedTables } from '../../lib/stream/table.ts'
import { nids } from '../../streams/nids.ts'
import { background, DAY_MS, DAY_START_MS, type Draft, eveLine } from './alert-day.ts'
import { attackDay, PHASES } from './attack-phases.ts'
import { DayPatterns } from './day-patterns.ts'

const ALERTS = Number(process.argv[2] ?? 1_000_000)
const SEEDS = Number(process.argv[3] ?? 5)
const FIRST_SEED = Number(process.argv[4] ?? 1)
const BATCH = 5000
const HOUR = 3_600_000

interface Grouping {
  readonly name: string
  readonly windowMs: number
  readonly scoreMin: number
  readonly group: (alert: Alert) => string
}

const text = (alert: Alert, field: string) => String(alert.record[field])
const ruleAndSource = (alert: Alert) => `${text(alert, 'rule')} from ${text(alert, 'source_ip')}`
const localHost = (alert: Alert) =>
  text(alert, 'source_place') === 'local' ? text(alert, 'source_ip') : text(alert, 'destination_ip')

const hostile = (alert: Alert) => activityOf(text(alert, 'class')) !== 'other'

const GROUPINGS: readonly Grouping[] = [
  { name: 'streams/nids.ts', windowMs: nids.alertWindowMs, scoreMin: 0, group: ({ group }) => group },
  { name: 'the same, without patterns', windowMs: DAY_MS, scoreMin: 0, group: ({ group }) => group },
  { name: 'the same, by the hour', windowMs: HOUR, scoreMin: 0, group: ({ group }) => group },
  { name: 'the same, from medium on', windowMs: DAY_MS, scoreMin: 0.6, group: ({ group }) => group },
  {
    name: 'the same, internal ones by host',
    windowMs: DAY_MS,
    scoreMin: 0,
    group: (alert) =>
      text(alert, 'direction') === 'internal' && hostile(alert)
        ? `${text(alert, 'class')} by ${text(alert, 'source_ip')}`
        : alert.group,
  },
  {
    name: 'the same, rules by direction',
    windowMs: DAY_MS,
    scoreMin: 0,
    group: (alert) =>
      alert.group.startsWith('1:') ? `${alert.group} ${text(alert, 'direction')}` : alert.group,
  },
  { name: 'before: rule and source, hour, medium', windowMs: HOUR, scoreMin: 0.6, group: ruleAndSource },
  { name: 'rule and source, day', windowMs: DAY_MS, scoreMin: 0, group: ruleAndSource },
  { name: 'rule, day', windowMs: DAY_MS, scoreMin: 0, group: (alert) => text(alert, 'rule') },
  {
    name: 'local host and class, day',
    windowMs: DAY_MS,
    scoreMin: 0,
    group: (alert) => `${localHost(alert)} ${text(alert, 'class')}`,
  },
]

interface Incident {
  severity: Alert['severity']
  alerts: number
  score: number
  /** Of the alert shown. */
  shownPhase: number
  readonly ofPhase: Int32Array
}

interface Measured {
  readonly incidents: number
  readonly grave: number
  readonly mostly: number
  readonly kept: readonly boolean[]
  readonly named: readonly boolean[]
}

async function main(): Promise<void> {
  const all = GROUPINGS.map((): Measured[] => [])
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const { tallies, alerts, seconds } = await day(seed)
    console.log(
      `seed ${seed}: ${ALERTS} records, ${alerts} alerts from low on, ${Math.round(ALERTS / seconds)} records/s of CPU`,
    )
    tallies.forEach((tally, i) => {
      const measured = measure(tally)
      all[i]?.push(measured)
      if (i === 0) printPhases(measured)
    })
  }
  console.log(
    '\nover all seeds: incidents (least to most), reduction, recall kept and named, precision, grave',
  )
  GROUPINGS.forEach(({ name }, i) => {
    printGrouping(name, all[i] ?? [])
  })
}

/** Only the real path is timed, by CPU time: parse to incident id. */
async function day(
  seed: number,
): Promise<{ tallies: Map<string, Incident>[]; alerts: number; seconds: number }> {
  const random = seededRandom(seed)
  const normal = background(random)
  const attack = attackDay(normal, random)
  const tables = withBadAddresses(`${normal.badAddresses}\n${attack.listed}`)
  const tallies = GROUPINGS.map(() => new Map<string, Incident>())
  const writer = new EntryWriter({ site: 'bench', topic: 'nids.raw.g1', partition: 0 })
  const counted = { alerts: 0, microseconds: 0 }
  const patterns = new DayPatterns()
  let phaseAt = 0
  for (let from = 0; from < ALERTS; from += BATCH) {
    const drafts: Draft[] = []
    const records: DeliveredRecord[] = []
    for (let i = from; i < Math.min(ALERTS, from + BATCH); i++) {
      const timeMs = DAY_START_MS + Math.floor((i * DAY_MS) / ALERTS)
      const due = attack.alerts[phaseAt]
      const last = ALERTS - i <= attack.alerts.length - phaseAt
      const injected = due !== undefined && (due.timeMs <= timeMs || last)
      if (injected) phaseAt++
      const draft = injected ? due.draft : normal.next()
      drafts.push(draft)
      records.push(delivered(i, injected ? due.timeMs : timeMs, draft))
    }
    path(records, drafts, tables, writer, tallies, patterns, counted)
  }
  const names = new Map<string, Set<string>>()
  for (const { alert, phase } of await patterns.alerts()) {
    const id = incidentId(alert, nids.alertWindowMs)
    add(tallies[0] as Map<string, Incident>, id, alert, phase)
    const name = text(alert, 'pattern')
    names.set(name, (names.get(name) ?? new Set()).add(id))
  }
  console.log(`  of patterns: ${[...names].map(([name, ids]) => `${name} ${ids.size}`).join(', ')}`)
  return { tallies, alerts: counted.alerts, seconds: counted.microseconds / 1e6 }
}

function path(
  records: readonly DeliveredRecord[],
  drafts: readonly Draft[],
  tables: LoadedTables,
  writer: EntryWriter,
  tallies: readonly Map<string, Incident>[],
  patterns: DayPatterns,
  counted: { alerts: number; microseconds: number },
): void {
  const before = process.cpuUsage()
  const { decisions, scores } = scoreAll(nids.scorer, decide(nids, records, tables), records)
  const alerts: { alert: Alert; id: string; phase: number }[] = []
  decisions.forEach((decision, i) => {
    const record = records[i] as DeliveredRecord
    const alert = alertOfEntry(nids, writer.write(record, decision, scores[i] ?? Number.NaN, nids.scorer))
    if (alert === undefined) return
    alerts.push({ alert, id: incidentId(alert, nids.alertWindowMs), phase: drafts[i]?.phase ?? -1 })
  })
  const { user, system } = process.cpuUsage(before)
  counted.microseconds += user + system
  counted.alerts += alerts.length
  decisions.forEach((decision, i) => {
    const { offset, timestamp } = records[i] as DeliveredRecord
    if (decision.outcome !== 'ok') return
    const { eventTime = timestamp, value } = decision
    const head = {
      site: 'bench',
      topic: 'nids.raw.g1',
      partition: 0,
      offset,
      appendTime: timestamp,
      eventTime,
    }
    patterns.add({ ...head, outcome: 'ok', value }, drafts[i]?.phase ?? -1)
  })
  for (const { alert, id, phase } of alerts)
    GROUPINGS.forEach((grouping, i) => {
      if (alert.score < grouping.scoreMin) return
      const own = { ...alert, group: grouping.group(alert) }
      add(
        tallies[i] as Map<string, Incident>,
        i === 0 ? id : incidentId(own, grouping.windowMs),
        alert,
        phase,
      )
    })
}

/** As joinIncident does: the alert shown is the first of the highest score. */
function add(tally: Map<string, Incident>, id: string, alert: Alert, phase: number): void {
  let incident = tally.get(id)
  if (incident === undefined) {
    incident = {
      severity: alert.severity,
      alerts: 0,
      score: -1,
      shownPhase: phase,
      ofPhase: new Int32Array(PHASES.length),
    }
    tally.set(id, incident)
  }
  incident.alerts++
  incident.severity = graver(incident.severity, alert.severity)
  if (phase >= 0) incident.ofPhase[phase] = (incident.ofPhase[phase] ?? 0) + 1
  if (alert.score <= incident.score) return
  incident.score = alert.score
  incident.shownPhase = phase
}

function measure(tally: ReadonlyMap<string, Incident>): Measured {
  const kept = PHASES.map(() => false)
  const named = PHASES.map(() => false)
  let grave = 0
  let mostly = 0
  for (const { severity, alerts, ofPhase, shownPhase } of tally.values()) {
    if (severity === 'high' || severity === 'critical') grave++
    if (shownPhase >= 0) named[shownPhase] = true
    const most = ofPhase.findIndex((count) => count * 2 >= alerts)
    if (most < 0) continue
    mostly++
    kept[most] = true
    named[most] = true
  }
  return { incidents: tally.size, grave, mostly, kept, named }
}

function printPhases({ incidents, kept, named }: Measured): void {
  const missing = PHASES.flatMap(({ name }, i) =>
    kept[i] === true ? [] : [named[i] === true ? `${name} (named)` : name],
  )
  const share = `${kept.filter(Boolean).length} of ${PHASES.length}`
  console.log(
    `  ${incidents} incidents, phases kept ${share}${missing.length ? `; not: ${missing.join(', ')}` : ''}`,
  )
}

function printGrouping(name: string, measured: readonly Measured[]): void {
  const incidents = measured.map((one) => one.incidents)
  const total = incidents.reduce((sum, one) => sum + one, 0)
  const rate = (of: (one: Measured) => readonly boolean[]) =>
    (measured.flatMap(of).filter(Boolean).length / (measured.length * PHASES.length)).toFixed(3)
  const mostly = measured.reduce((sum, one) => sum + one.mostly, 0)
  const grave = measured.reduce((sum, one) => sum + one.grave, 0) / measured.length
  const reduction = (100 * (1 - total / (ALERTS * measured.length))).toFixed(3)
  console.log(
    `${name.padEnd(40)} ${Math.min(...incidents)} to ${Math.max(...incidents)}, ${reduction} %, kept ${rate(({ kept }) => kept)}, ` +
      `named ${rate(({ named }) => named)}, precision ${(mostly / total).toFixed(3)}, grave ${Math.round(grave)}`,
  )
}

function delivered(offset: number, timeMs: number, draft: Draft): DeliveredRecord {
  const value = Buffer.from(eveLine(draft, timeMs)).toString('base64')
  return {
    topic: 'nids.raw.g1',
    partition: 0,
    offset,
    timestamp: timeMs,
    timestampType: 'LOG_APPEND_TIME',
    value,
  }
}

function withBadAddresses(lines: string): LoadedTables {
  const parsed = nids.tables['bad-addresses']?.parse(Buffer.from(lines))
  return { version: 'bench', tables: { ...emptyTables(nids.tables).tables, 'bad-addresses': parsed } }
}

await main()
