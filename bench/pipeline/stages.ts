/**
 * What each stage costs per record, alone on one core, against a floor timed in turn with it: reading the same records
 * as JSON lines and parsing them.
 *
 *     node bench/pipeline/stages.ts [SOURCE] [--stream NAME] [--records N] [--rounds N]
 */
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createGunzip } from 'node:zlib'
import { startRun } from '../../lib/collect/run.ts'
import { dataFolder, openStores } from '../../lib/local/data-folder.ts'
import { FileLog } from '../../lib/local/file-log.ts'
import { EVENT_BYTES_MAX, encodeBatch, kafkaEvent, takePieces } from '../../lib/local/kafka-event-text.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { historyReader } from '../../lib/serve/query/history.ts'
import { archiveStage } from '../../lib/speed/archive.ts'
import { countStage } from '../../lib/speed/count.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import type { KafkaEvent, KafkaHandler } from '../../lib/speed/kafka-event.ts'
import { notifyHandler } from '../../lib/speed/notify.ts'
import { scoreHandler } from '../../lib/speed/score.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { streamNamed, streams } from '../../streams/index.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    records: { type: 'string', default: '100000' },
    stream: { type: 'string', default: 'network' },
    rounds: { type: 'string', default: '3' },
  },
})
const SOURCE = positionals[0] ?? '../shared/data/network/kddcup.data_10_percent.gz'
const RECORDS = Number(values.records)
const STREAM = streamNamed(values.stream)
const AMPLE = { getRemainingTimeInMillis: () => 60_000 }

async function firstLines(): Promise<string[]> {
  const file = createReadStream(SOURCE)
  const input = SOURCE.endsWith('.gz') ? file.pipe(createGunzip()) : file
  const lines: string[] = []
  for await (const line of createInterface({ input })) {
    lines.push(line)
    if (lines.length === RECORDS) break
  }
  return lines
}

/** CPU time of this process, all threads, in microseconds. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}

async function costUs(records: number, work: () => Promise<void>): Promise<number> {
  const before = cpuUs()
  await work()
  return (cpuUs() - before) / records
}

async function openPorts(dir: string): Promise<Ports> {
  const folder = dataFolder(dir)
  const log = await FileLog.open({ dir: folder.logDir, clock: systemClock })
  const { keyed, objects } = await openStores(folder)
  const publisher = { maxFrameBytes: 32_768, send: async () => 'gone' as const, close: async () => undefined }
  return {
    site: 'bench',
    epochMs: 60_000,
    log,
    keyed,
    objects,
    publisher,
    metrics: { record: () => undefined },
    clock: systemClock,
    close: () => log.close(),
  }
}

/** The events a mapping would make of a topic, as the text that goes to a worker. */
async function eventTexts(log: Ports['log'], topic: string): Promise<Buffer[]> {
  const texts: Buffer[] = []
  for (let partition = 0; partition < STREAM.partitions; partition++) {
    let at = 0
    for (;;) {
      const batches = await log.read(topic, partition, at, 4 * 1024 * 1024)
      const room = { records: 10_000, bytes: EVENT_BYTES_MAX, empty: true }
      const list = takePieces(
        batches.map((batch) => encodeBatch(topic, partition, batch)),
        at,
        room,
      )
      if (list === undefined) break
      at = list.end
      texts.push(Buffer.concat(kafkaEvent(new Map([[`${topic}-${partition}`, list]]))))
    }
  }
  return texts
}

async function through(handler: KafkaHandler, events: readonly Buffer[]): Promise<void> {
  for (const text of events) {
    const answer = await handler(JSON.parse(text.toString()) as KafkaEvent, AMPLE)
    if (answer.batchItemFailures.length > 0) throw new Error('a batch failed')
  }
}

async function round(
  lines: readonly string[],
  source: string,
  jsonLines: string,
): Promise<Map<string, number>> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  const ports = await openPorts(dir)
  const costs = new Map<string, number>()
  const n = lines.length
  const take = async (name: string, work: () => Promise<void>) => void costs.set(name, await costUs(n, work))
  try {
    await take('floor: read and JSON.parse', async () => {
      const text = await readFile(jsonLines, 'utf8')
      let at = 0
      let fields = 0
      for (let end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', at)) {
        fields += typeof JSON.parse(text.slice(at, end)) === 'object' ? 1 : 0
        at = end + 1
      }
      if (fields !== n) throw new Error('the floor read other records')
    })
    await take(
      'collect: file to raw log',
      async () => void (await startRun({ ports, stream: STREAM, sources: [source] })),
    )
    const polled: Record<'raw' | 'enriched', Buffer[]> = { raw: [], enriched: [] }
    const poll = async (kind: 'raw' | 'enriched') => {
      polled[kind] = await eventTexts(ports.log, topicName(STREAM.name, kind))
    }
    await take('poll: raw log to events', () => poll('raw'))
    await take('score', () =>
      through(
        scoreHandler(STREAM, ports, async () => undefined, undefined, historyReader(ports, STREAM, streams)),
        polled.raw,
      ),
    )
    await take('poll: enriched log to events', () => poll('enriched'))
    await take('count', () =>
      through(entryConsumer(STREAM.name, countStage(STREAM, ports), ports), polled.enriched),
    )
    await take('archive', () =>
      through(entryConsumer(STREAM.name, archiveStage(STREAM, ports), ports), polled.enriched),
    )
    await take('notify', () =>
      through(
        notifyHandler(STREAM, ports, new AlertLog(STREAM.name, ports), async () => ({
          frames: 0,
          behind: 0,
        })),
        polled.enriched,
      ),
    )
  } finally {
    await ports.close()
    await rm(dir, { recursive: true })
  }
  return costs
}

async function main(): Promise<void> {
  const lines = await firstLines()
  const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  const source = join(dir, 'source.csv')
  const jsonLines = join(dir, 'source.jsonl')
  await writeFile(source, `${lines.join('\n')}\n`)
  await writeFile(jsonLines, lines.map((line) => `${JSON.stringify(asObject(line))}\n`).join(''))
  const rounds: Map<string, number>[] = []
  for (let i = 0; i < Number(values.rounds); i++) rounds.push(await round(lines, source, jsonLines))
  await rm(dir, { recursive: true })
  print(lines.length, rounds)
}

function asObject(line: string): unknown {
  const parsed = STREAM.parse(Buffer.from(line))
  if (!parsed.ok) throw new Error(`the bench needs clean records: ${parsed.reason}`)
  return parsed.value
}

function print(records: number, rounds: readonly Map<string, number>[]): void {
  const names = [...(rounds[0]?.keys() ?? [])]
  const median = (name: string) => {
    const sorted = rounds.map((round) => round.get(name) ?? 0).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? 0
  }
  const floor = median(names[0] ?? '')
  console.log(`${cpus()[0]?.model.trim()}, Node ${process.version}, ${records} records of ${SOURCE}`)
  console.log(`CPU time of the process, median of ${rounds.length} rounds; no model is active\n`)
  console.log(`${'stage'.padEnd(32)}  us/record  x floor`)
  for (const name of names)
    console.log(
      `${name.padEnd(32)}  ${median(name).toFixed(2).padStart(9)}  ${(median(name) / floor).toFixed(2).padStart(7)}`,
    )
  const total = names.slice(1).reduce((sum, name) => sum + median(name), 0)
  console.log(
    `${'all'.padEnd(32)}  ${total.toFixed(2).padStart(9)}  ${(total / floor).toFixed(2).padStart(7)}`,
  )
  console.log(
    `\nTwo cores at that cost: ${Math.round(2e6 / total).toLocaleString('en-US')} records/s at most`,
  )
}

await main()
