/**
 * What patterns cost `count`, and what they find, on a day of intrusion alerts (alert-day.ts) with attacks injected
 * (attack-phases.ts), on SQLite and a folder.
 *
 *     node bench/detect/patterns.ts [alerts] [batch sizes...]      default 200000 alerts, batches of 10000, 1000 and 100
 *
 * `without` is the stream without the views that only patterns read; `views` counts those too; `patterns` judges them: five
 * thresholds and a sequence. CPU time of the process, per record.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataFolder, openStores } from '../../lib/local/data-folder.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { countStage } from '../../lib/speed/count.ts'
import { decide, scoreAll } from '../../lib/speed/decide.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import { EntryWriter } from '../../lib/speed/entry-text.ts'
import type { DeliveredRecord } from '../../lib/speed/kafka-event.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { partitionOf } from '../../lib/stream/partition.ts'
import { viewsOfPattern } from '../../lib/stream/pattern.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { emptyTables } from '../../lib/stream/table.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { nids } from '../../streams/nids.ts'
import { background, DAY_MS, DAY_START_MS, eveLine } from './alert-day.ts'
import { attackDay, PHASES } from './attack-phases.ts'

const ALERTS = Number(process.argv[2] ?? 200_000)
const BATCHES = process.argv.length > 3 ? process.argv.slice(3).map(Number) : [10_000, 1_000, 100]
const ENRICHED = topicName(nids.name, 'enriched')
const AMPLE = { getRemainingTimeInMillis: () => 60_000 }

const own = new Set(Object.values(nids.patterns).flatMap(viewsOfPattern))
const VARIANTS: Readonly<Record<string, Stream>> = {
  without: {
    ...nids,
    views: Object.fromEntries(Object.entries(nids.views).filter(([name]) => !own.has(name))),
    patterns: {},
  },
  views: { ...nids, patterns: {} },
  patterns: nids,
}

/** The day's alerts, decided, as the records of each enriched partition. Attacks whole, background as far as there is room. */
function entries(): {
  readonly partitions: readonly DeliveredRecord[][]
  readonly sources: Map<string, string>
} {
  const random = seededRandom(1)
  const normal = background(random)
  const attack = attackDay(normal, random)
  const sources = new Map(attack.alerts.map(({ draft }) => [draft.source, PHASES[draft.phase]?.name ?? '']))
  const every = (ALERTS - attack.alerts.length) / ALERTS
  const lines = [
    ...attack.alerts.map(({ timeMs, draft }) => ({ timeMs, draft })),
    ...Array.from({ length: Math.floor(ALERTS * every) }, (_, i) => ({
      timeMs: DAY_START_MS + Math.floor((i * DAY_MS) / (ALERTS * every)),
      draft: normal.next(),
    })),
  ].sort((a, b) => a.timeMs - b.timeMs)
  const partitions = Array.from({ length: nids.partitions }, (): DeliveredRecord[] => [])
  for (const { timeMs, draft } of lines) {
    const partition = partitionOf(Buffer.from(draft.source), nids.partitions)
    const rows = partitions[partition] as DeliveredRecord[]
    rows.push({
      ...{ topic: topicName(nids.name, 'raw'), partition, offset: rows.length, timestamp: timeMs },
      timestampType: 'LOG_APPEND_TIME',
      value: Buffer.from(eveLine(draft, timeMs)).toString('base64'),
    })
  }
  return { partitions: partitions.map(enriched), sources }
}

function enriched(raw: readonly DeliveredRecord[], partition: number): DeliveredRecord[] {
  const { decisions, scores } = scoreAll(nids.scorer, decide(nids, raw, emptyTables(nids.tables)), raw)
  const writer = new EntryWriter({ site: 'bench', topic: topicName(nids.name, 'raw'), partition })
  return raw.map((record, i) => {
    const text = writer.write(
      record,
      decisions[i] as (typeof decisions)[0],
      scores[i] ?? Number.NaN,
      nids.scorer,
    )
    return { ...record, topic: ENRICHED, value: Buffer.from(text).toString('base64') }
  })
}

async function run(stream: Stream, partitions: readonly DeliveredRecord[][], batch: number) {
  const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  const { keyed, objects } = await openStores(dataFolder(dir))
  const ports = {
    ...{ site: 'bench', epochMs: 3_600_000, keyed, objects, clock: systemClock },
    metrics: { record: () => undefined },
  } as unknown as Ports
  const handler = entryConsumer(stream.name, countStage(stream, ports), ports)
  let cpuUs = 0
  const length = Math.max(...partitions.map((rows) => rows.length))
  for (let from = 0; from < length; from += batch)
    for (const [partition, rows] of partitions.entries()) {
      const records = { [`${ENRICHED}-${partition}`]: rows.slice(from, from + batch) }
      if (from >= rows.length) continue
      const before = process.cpuUsage()
      const { batchItemFailures } = await handler({ eventSource: 'aws:kafka', records }, AMPLE)
      const { user, system } = process.cpuUsage(before)
      if (batchItemFailures.length > 0) throw new Error('a batch failed')
      cpuUs += user + system
    }
  const alerts = []
  const log = new AlertLog(stream.name, ports)
  for (let page = 0; page < (await log.end()).page; page++) alerts.push(...((await log.page(page)) ?? []))
  await keyed.close()
  await rm(dir, { recursive: true })
  return { usPerRecord: cpuUs / ALERTS, alerts }
}

const { partitions, sources } = entries()
let found: Awaited<ReturnType<typeof run>>['alerts'] = []
for (const batch of BATCHES) {
  const costs: string[] = []
  for (const [name, stream] of Object.entries(VARIANTS)) {
    const { usPerRecord, alerts } = await run(stream, partitions, batch)
    costs.push(`${name} ${usPerRecord.toFixed(1)}`)
    if (alerts.length > 0) found = alerts
  }
  console.log(`batches of ${batch}: us per record: ${costs.join(', ')}`)
}
for (const pattern of Object.keys(nids.patterns)) {
  const alerts = found.filter(({ record }) => record.pattern === pattern)
  const phases = new Set(alerts.map(({ record }) => sources.get(String(record.source_ip)) ?? 'background'))
  const groups = new Set(alerts.map(({ group }) => group)).size
  console.log(`${pattern}: ${alerts.length} alerts, ${groups} groups, of: ${[...phases].sort().join(', ')}`)
}
