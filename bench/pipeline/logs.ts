/**
 * The transport figure: 89-byte syslog lines through the whole local pipeline (collect, raw log, score, enriched log, count,
 * archive, notify), by `weir replay` as a user runs it. Every run must end with as many lines counted and in the master
 * as were sent. With `--model` a model of templates scores them, trained on a first replay of 50,000.
 *
 *     node bench/pipeline/logs.ts [--counts 1000,10000,50000,1000000] [--rounds N] [--model]
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { finished } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { seededRandom } from '../../lib/stream/random.ts'

const { values } = parseArgs({
  options: {
    counts: { type: 'string', default: '1000,10000,50000,1000000' },
    rounds: { type: 'string', default: '3' },
    model: { type: 'boolean', default: false },
  },
})
const WEIR = join(import.meta.dirname, '../../bin/weir.ts')
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

interface Answer {
  readonly recordsIn: number
  readonly recordsScored: number
  readonly deadLettered: number
  readonly archived: number
  readonly counted: number
  readonly seconds: number
  readonly recordsPerSecond: number
}

/** The JSON that a command printed, and the CPU seconds of all its processes. */
function weir(args: readonly string[]): Promise<{ answer: Answer; cpuSeconds: number }> {
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', '"$0" "$@"; times >&2', process.execPath, WEIR, ...args, '--json'], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk))
    child.once('close', () => {
      if (out === '') return reject(new Error(err))
      const children = err.trim().split('\n').at(-1) ?? ''
      const cpuSeconds = [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
        (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
        0,
      )
      resolve({ answer: JSON.parse(out) as Answer, cpuSeconds })
    })
  })
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

async function round(dir: string, source: string, count: number) {
  const data = await mkdtemp(join(dir, 'data-'))
  if (values.model) {
    await weir(['replay', 'logs', join(dir, '50000.log'), '--data', data])
    await weir(['train', 'logs', '--data', data])
  }
  const { answer, cpuSeconds } = await weir(['replay', 'logs', source, '--data', data])
  await rm(data, { recursive: true })
  const { recordsIn, recordsScored, archived, counted, deadLettered } = answer
  const lost = [recordsIn, recordsScored, archived, counted].some((n) => n !== count) || deadLettered > 0
  if (lost) throw new Error(`${count} lines sent: ${JSON.stringify(answer)}`)
  return { perSecond: answer.recordsPerSecond, seconds: answer.seconds, cpuUs: (cpuSeconds / count) * 1e6 }
}

const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
try {
  if (values.model) await writeLines(join(dir, '50000.log'), 50_000)
  console.log(
    `${cpus()[0]?.model.trim()} x ${availableParallelism()}, Node ${process.version}; lines of ${LINE_BYTES} bytes; ${values.model ? 'a model scores' : 'no model is active'}`,
  )
  console.log('lines      lost  seconds  lines/s, start to end  CPU us a line')
  for (const count of values.counts.split(',').map(Number)) {
    const source = join(dir, `${count}.log`)
    await writeLines(source, count)
    const rounds: Awaited<ReturnType<typeof round>>[] = []
    for (let i = 0; i < Number(values.rounds); i++) rounds.push(await round(dir, source, count))
    const perSecond = Math.round(median(rounds.map((one) => one.perSecond))).toLocaleString('en-US')
    const seconds = median(rounds.map((one) => one.seconds)).toFixed(2)
    const cpuUs = median(rounds.map((one) => one.cpuUs)).toFixed(1)
    console.log(
      `${String(count).padEnd(9)}     0  ${seconds.padStart(7)}  ${perSecond.padStart(21)}  ${cpuUs.padStart(13)}`,
    )
  }
  console.log(`load average ${loadavg()[0]?.toFixed(1)}`)
} finally {
  await rm(dir, { recursive: true, force: true })
}
