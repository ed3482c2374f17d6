/**
 * The whole local pipeline, end to end: records a second of `weir replay` on a file, against the floor timed in turn with
 * it: reading the same records as JSON lines and parsing them, on one core.
 *
 *     node bench/pipeline/replay.ts [SOURCE] [--rounds N]
 */
import { spawn } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { createGunzip } from 'node:zlib'
import { network } from '../../streams/network.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' } },
})
const SOURCE = positionals[0] ?? '../shared/data/network/kddcup.data_10_percent.gz'
const WEIR = join(import.meta.dirname, '../../bin/weir.ts')

interface Round {
  readonly records: number
  readonly floorPerSecond: number
  readonly recordsPerSecond: number
  /** CPU seconds of all processes of the replay. */
  readonly cpuSeconds: number
}

async function jsonLines(path: string): Promise<void> {
  const file = createReadStream(SOURCE)
  const input = SOURCE.endsWith('.gz') ? file.pipe(createGunzip()) : file
  const lines: string[] = []
  for await (const line of createInterface({ input })) {
    const parsed = network.parse(Buffer.from(line))
    if (parsed.ok) lines.push(JSON.stringify(parsed.value))
  }
  await writeFile(path, `${lines.join('\n')}\n`)
}

/** Reads and parses as a program would that does nothing else. */
async function floor(path: string): Promise<{ records: number; perSecond: number }> {
  const startedMs = performance.now()
  let records = 0
  for await (const line of createInterface({ input: createReadStream(path) })) {
    if (JSON.parse(line).duration >= 0) records++
  }
  return { records, perSecond: records / ((performance.now() - startedMs) / 1000) }
}

async function replay(): Promise<{
  recordsIn: number
  recordsPerSecond: number
  counted: number
  cpuSeconds: number
}> {
  const data = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  try {
    const out = await run(['replay', 'network', SOURCE, '--data', data, '--json'])
    const answer = JSON.parse(out) as { recordsIn: number; recordsPerSecond: number; counted: number }
    return { ...answer, cpuSeconds: childrenCpuSeconds() }
  } finally {
    await rm(data, { recursive: true, force: true })
  }
}

function run(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    // GNU time and its like are not everywhere; the shell's `times` counts all that has ended below it.
    const child = spawn('sh', ['-c', '"$0" "$@"; times >&2', process.execPath, WEIR, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk: Buffer) => (out += chunk))
    child.stderr.on('data', (chunk: Buffer) => (err += chunk))
    child.once('close', () => {
      if (out === '') return reject(new Error(err))
      lastTimes = err
      resolve(out)
    })
  })
}

let lastTimes = ''

/** Of the last `times`: user and system time of ended children, its second line. */
function childrenCpuSeconds(): number {
  const children = lastTimes.trim().split('\n').at(-1) ?? ''
  return [...children.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  )
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
const path = join(dir, 'source.jsonl')
await jsonLines(path)
const rounds: Round[] = []
for (let i = 0; i < Number(values.rounds); i++) {
  const { records, perSecond } = await floor(path)
  const { recordsIn, recordsPerSecond, counted, cpuSeconds } = await replay()
  if (recordsIn !== counted) throw new Error(`${recordsIn} records in, ${counted} counted`)
  rounds.push({ records: recordsIn, floorPerSecond: perSecond, recordsPerSecond, cpuSeconds })
  if (records === 0) throw new Error('the floor read nothing')
}
await rm(dir, { recursive: true })
const of = (pick: (round: Round) => number) => Math.round(median(rounds.map(pick))).toLocaleString('en-US')
console.log(`${cpus()[0]?.model.trim()} x ${availableParallelism()}, Node ${process.version}, ${SOURCE}`)
console.log(
  `median of ${rounds.length} rounds, floor and replay in turn; load average ${loadavg()[0]?.toFixed(1)}\n`,
)
console.log(`records                     ${of(({ records }) => records)}`)
console.log(`floor: read and JSON.parse  ${of(({ floorPerSecond }) => floorPerSecond)} records/s on one core`)
console.log(
  `weir replay, start to end   ${of(({ recordsPerSecond }) => recordsPerSecond)} records/s, no model active`,
)
const share = median(rounds.map((round) => round.recordsPerSecond / round.floorPerSecond))
console.log(`ratio to the floor          ${share.toFixed(2)}`)
const cost = median(rounds.map(({ cpuSeconds, records }) => (cpuSeconds / records) * 1e6))
console.log(`CPU of all its processes    ${cost.toFixed(1)} us a record`)
