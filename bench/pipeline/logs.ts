/**
 * The transport figure: 89-byte syslog lines through the whole local pipeline (collect, raw log, score, enriched log, count,
 * archive, notify), which is up and warm: from the first line read to the last one in every view and in the master. Every run
 * must end with as many lines counted and in the master as were sent. With `--model` a model of templates scores them.
 *
 *     node bench/pipeline/logs.ts [--counts 1000,10000,50000,1000000] [--rounds N] [--model]
 */
import { once } from 'node:events'
import { createWriteStream, existsSync, readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { NO_PUBLISHER } from '../../bin/with-ports.ts'
import { trainStream } from '../../lib/batch/train.ts'
import { startRun } from '../../lib/collect/run.ts'
import { Pipeline } from '../../lib/local/pipeline.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { runSummary } from '../../lib/serve/run-summary.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { logs } from '../../streams/logs.ts'

const { values } = parseArgs({
  options: {
    counts: { type: 'string', default: '1000,10000,50000,1000000' },
    rounds: { type: 'string', default: '3' },
    model: { type: 'boolean', default: false },
  },
})
const LINE_BYTES = 89
const SEED = 2015

/** A line of syslog of exactly 89 bytes, from one of 40 hosts, of one of 8 kinds. */
function lineOf(random: () => number, i: number): string {
  const below = (n: number) => Math.floor(random() * n)
  const two = (n: number) => String(n).padStart(2, '0')
  const seconds = Math.floor(i / 500)
  const time = `Jun 14 ${two(8 + (Math.floor(seconds / 3600) % 12))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  const address = `10.${below(256)}.${below(256)}.${below(256)}`
  const kinds = [
    `sshd[${below(32_768)}]: Accepted publickey for deploy from ${address} port ${below(65_536)}`,
    `sshd[${below(32_768)}]: Connection closed by ${address} port ${below(65_536)}`,
    `kernel: eth0: link up at ${below(10_000)} Mbps`,
    `cron[${below(32_768)}]: job ${below(400)} ended with status ${below(3)}`,
    `postfix[${below(32_768)}]: message ${below(1e9)} delivered to ${address}`,
    `nginx[${below(32_768)}]: GET /v1/items/${below(1e6)} took ${below(900)} ms`,
    `dhcpd: lease of ${address} renewed for ${below(86_400)} s`,
    `app[${below(32_768)}]: order ${below(1e8)} paid`,
  ]
  const text = `<${8 * below(12) + below(8)}>${time} host${two(below(40))} ${kinds[below(kinds.length)]}`
  return text.length >= LINE_BYTES - 4
    ? text.slice(0, LINE_BYTES)
    : `${text} id=${String(i).padStart(LINE_BYTES - text.length - 4, '0')}`
}

async function writeLines(path: string, count: number): Promise<void> {
  const out = createWriteStream(path)
  const random = seededRandom(SEED)
  for (let i = 0; i < count; ) {
    let text = ''
    for (const end = Math.min(count, i + 10_000); i < end; i++)
      text += `${lineOf(random, i).padEnd(LINE_BYTES, ' .')}\n`
    if (!out.write(text)) await once(out, 'drain')
  }
  out.end()
  await finished(out)
}

interface Round {
  readonly seconds: number
  readonly perSecond: number
  /** CPU time of this process and its workers; NaN where there is no /proc to ask. */
  readonly cpuUs: number
}

const TICKS_A_SECOND = 100

/** CPU seconds of this process and of those it has started. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  if (!existsSync('/proc/self/stat')) return Number.NaN
  let ticks = 0
  for (const pid of readdirSync('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    try {
      // After the name in brackets: state, parent, ..., user and system time as the 12th and 13th field.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      if (Number(fields[1]) === process.pid) ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It ended meanwhile.
    }
  }
  return (user + system) / 1e6 + ticks / TICKS_A_SECOND
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

/** One run through a pipeline that is up: from the first line read to the last one in every view and in the master. */
async function transport(pipeline: Pipeline, source: string, count: number): Promise<Round> {
  const startedMs = performance.now()
  const startedCpu = cpuSeconds()
  const result = await startRun({ ports: pipeline.ports, stream: logs, sources: [source] })
  await pipeline.drained(logs.name)
  const seconds = (performance.now() - startedMs) / 1000
  const cpuUs = ((cpuSeconds() - startedCpu) / count) * 1e6
  const summary = await runSummary(pipeline.ports, logs, result.topic, result.ranges)
  const { recordsScored, archived, counted, deadLettered } = summary
  const lost =
    [result.recordsIn, recordsScored, archived, counted].some((n) => n !== count) || deadLettered > 0
  if (lost) throw new Error(`${count} lines sent, ${result.recordsIn} read: ${JSON.stringify(summary)}`)
  return { seconds, perSecond: count / seconds, cpuUs }
}

/** A pipeline on a folder of its own, its workers up and warm; with a model of templates where that was asked for. */
async function warmPipeline(dir: string): Promise<Pipeline> {
  const data = await mkdtemp(join(dir, 'data-'))
  const pipeline = await Pipeline.open({
    data,
    site: 'bench',
    streams: [logs],
    servers: {},
    publisher: NO_PUBLISHER,
  })
  pipeline.start()
  const source = join(dir, 'warm.log')
  for (let i = 0; i < 3; i++) await transport(pipeline, source, WARM_LINES)
  if (!values.model) return pipeline
  const { published, reason } = await trainStream(pipeline.ports, logs, { seed: 1 })
  if (!published) throw new Error(reason)
  // Running functions look for a new model every two seconds.
  await systemClock.sleep(2500)
  await transport(pipeline, source, WARM_LINES)
  return pipeline
}

const WARM_LINES = 20_000

const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
try {
  await writeLines(join(dir, 'warm.log'), WARM_LINES)
  const pipeline = await warmPipeline(dir)
  console.log(
    `${cpus()[0]?.model.trim()} x ${availableParallelism()}, Node ${process.version}; lines of ${LINE_BYTES} bytes; ${values.model ? 'a model scores' : 'no model is active'}; load average at the start ${loadavg()[0]?.toFixed(1)}`,
  )
  console.log('lines      lost  seconds  lines/s  CPU us a line')
  for (const count of values.counts.split(',').map(Number)) {
    const source = join(dir, `${count}.log`)
    await writeLines(source, count)
    const rounds: Round[] = []
    for (let i = 0; i < Number(values.rounds); i++) rounds.push(await transport(pipeline, source, count))
    const perSecond = Math.round(median(rounds.map((one) => one.perSecond))).toLocaleString('en-US')
    const seconds = median(rounds.map((one) => one.seconds)).toFixed(2)
    const cpuUs = median(rounds.map((one) => one.cpuUs)).toFixed(1)
    console.log(
      `${String(count).padEnd(9)}     0  ${seconds.padStart(7)}  ${perSecond.padStart(7)}  ${cpuUs.padStart(13)}`,
    )
  }
  await pipeline.stop()
  console.log(`load average at the end ${loadavg()[0]?.toFixed(1)}`)
} finally {
  await rm(dir, { recursive: true, force: true })
}
