import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, copyFile, mkdir, readFile, rename, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { RunOptions, RunResult } from '../../lib/collect/run.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import type { ChildOrder } from './child.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { difference, NO_DIFFERENCE, words } from './streams.ts'
import { until } from './until.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
/** Some 200 records: the sources take 60 appends, and four lives of at most 13 do not end them. */
const MAX_BATCH_BYTES = 6000

interface Outcome {
  readonly killed: boolean
  readonly result: RunResult | undefined
}

/** One life of a collecting process. */
async function live(order: ChildOrder): Promise<Outcome> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), JSON.stringify(order)])
  let out = ''
  let errors = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (errors += chunk))
  const [code, signal] = await once(child, 'close')
  if (signal === 'SIGKILL') return { killed: true, result: undefined }
  if (code !== 0) throw new Error(`the child failed: ${errors}`)
  return { killed: false, result: JSON.parse(out.trim().split('\n').at(-1) ?? '') as RunResult }
}

/** Files with gaps, garbage, a large line, gzip and plain; 12,002 records. */
async function makeSources(dir: string): Promise<string[]> {
  const folder = join(dir, 'in')
  await mkdir(folder)
  await writeFile(join(folder, 'a.csv.gz'), gzipSync(words(5000)))
  await writeFile(join(folder, 'b.csv'), '')
  await writeFile(
    join(folder, 'c.csv'),
    `${words(3000, 5000)}not,a,word\n${'x'.repeat(1_000_000)}\n${words(1000, 8000)}`,
  )
  await writeFile(join(folder, 'd.csv.gz'), gzipSync(words(3000, 9000)))
  return [folder]
}

const RECORDS = 12_002

/** Values by partition, without what differs from run to run by design: the time of sending and the names of runs. */
async function contents(dir: string, keyed: boolean) {
  const ports = await openTestPorts(dir)
  const topic = keyed ? 'keyed-words.raw.g1' : 'words.raw.g1'
  const landed = await everything(ports.log, topic)
  const partitions = landed.map((records) => ({
    values: records.map(({ value }) => value.replace(/"utc":"[^"]*"/, '').replace(/run-[0-9a-f]+-\d+/, '')),
    keys: records.map(({ key }) => key),
  }))
  for (const records of landed) if (records.length > 0) expect(records.at(-1)?.marked).toBe(true)
  await ports.close()
  return partitions
}

const NO_CHECKPOINTS: RunOptions = { checkpointMs: 1e9 }

const cases: readonly { name: string; keyed: boolean; options: RunOptions }[] = [
  { name: 'unkeyed', keyed: false, options: { checkpointMs: 20 } },
  { name: 'keyed', keyed: true, options: { checkpointMs: 20 } },
  { name: 'unkeyed, without checkpoints', keyed: false, options: NO_CHECKPOINTS },
  { name: 'keyed, without checkpoints', keyed: true, options: NO_CHECKPOINTS },
  { name: 'shuffled', keyed: false, options: { shuffleSeed: 7, checkpointMs: 20 } },
  { name: 'keyed, shuffled and stamped', keyed: true, options: { shuffleSeed: 7, stampSeed: 3 } },
  { name: 'stamped', keyed: false, options: { stampSeed: 3 } },
]

describe.concurrent('a collector killed with SIGKILL', () => {
  it.each(cases)(
    `at random moments and started again puts in every record once and in order: $name (SEED=${SEED})`,
    ({ keyed, options }) =>
      inFolder(async (dir) => {
        const random = seededRandom(SEED)
        const sources = await makeSources(dir)
        const order: ChildOrder = {
          dir: join(dir, 'data'),
          keyed,
          sources,
          options,
          maxBatchBytes: MAX_BATCH_BYTES,
          delayMsMax: 10,
        }
        let outcome: Outcome = { killed: true, result: undefined }
        for (let lives = 0; lives < 4; lives++) {
          const nth = 2 + Math.floor(random() * 7)
          outcome = await live({ ...order, dieAt: { what: 'append', when: 'soon', nth } })
          expect(outcome.killed).toBe(true)
        }
        outcome = await live(order)
        expect(outcome.result).toMatchObject({ recordsIn: RECORDS, finished: true })
        const reference = await live({ ...order, dir: join(dir, 'reference'), delayMsMax: 0 })
        expect(reference.result?.recordsIn).toBe(RECORDS)
        const got = await contents(order.dir, keyed)
        expect(got).toEqual(await contents(join(dir, 'reference'), keyed))
        expect(got.reduce((sum, { values }) => sum + values.length, 0)).toBe(RECORDS)
        outcome.result?.ranges.forEach((ranges, p) => {
          expect(ranges).toEqual([[0, got[p]?.values.length]])
        })
      }),
    240_000,
  )

  it(
    'right before and right after each kind of write does the same',
    () =>
      inFolder(async (dir) => {
        const sources = await makeSources(dir)
        const order: ChildOrder = {
          dir: join(dir, 'data'),
          keyed: false,
          sources,
          options: { checkpointMs: 0 },
          maxBatchBytes: MAX_BATCH_BYTES,
        }
        const deaths: ChildOrder['dieAt'][] = [
          { what: 'put', when: 'before', nth: 1 },
          { what: 'put', when: 'after', nth: 1 },
          { what: 'put', when: 'before', nth: 2 },
          { what: 'put', when: 'after', nth: 2 },
          { what: 'append', when: 'before', nth: 1 },
          { what: 'append', when: 'after', nth: 1 },
          { what: 'append', when: 'after', nth: 1 },
          { what: 'append', when: 'before', nth: 3 },
          { what: 'append', when: 'after', nth: 3 },
          { what: 'put', when: 'after', nth: 4 },
          { what: 'put', when: 'before', nth: 5 },
        ]
        for (const dieAt of deaths)
          expect(await live({ ...order, ...(dieAt && { dieAt }) })).toMatchObject({ killed: true })
        const { result } = await live(order)
        expect(result).toMatchObject({ recordsIn: RECORDS, resumed: true, finished: true })
        await live({ ...order, dir: join(dir, 'reference') })
        expect(await contents(order.dir, false)).toEqual(await contents(join(dir, 'reference'), false))
        const again = await live(order)
        expect(again.result).toMatchObject({ recordsIn: RECORDS, resumed: false })
        expect((await contents(order.dir, false)).reduce((sum, { values }) => sum + values.length, 0)).toBe(
          2 * RECORDS,
        )
      }),
    240_000,
  )

  it(
    'is gone at once for the next one, even while nobody has asked how it ended',
    () =>
      inFolder(async (dir) => {
        const sources = await makeSources(dir)
        const order: ChildOrder = {
          dir: join(dir, 'data'),
          keyed: false,
          sources,
          maxBatchBytes: MAX_BATCH_BYTES,
        }
        const doomed = { ...order, dieAt: { what: 'append', when: 'after', nth: 3 } }
        // A shell starts it and becomes a program that never asks: the killed process stays as a zombie.
        const script = join(import.meta.dirname, 'child.ts')
        const command = '"$0" "$1" "$2" & echo $!; exec sleep 60'
        const parent = spawn('sh', ['-c', command, process.execPath, script, JSON.stringify(doomed)])
        try {
          const [line] = await once(parent.stdout, 'data')
          const stat = () => readFile(`/proc/${Number(line)}/stat`, 'utf8').catch(() => ') Z')
          while (!(await stat()).includes(') Z')) await new Promise((resolve) => setTimeout(resolve, 50))
          expect((await live(order)).result).toMatchObject({ recordsIn: RECORDS, resumed: true })
        } finally {
          parent.kill('SIGKILL')
        }
      }),
    120_000,
  )

  it(
    'has sent what standard input gave before it paused',
    () =>
      inFolder(async (dir) => {
        const order: ChildOrder = {
          dir: join(dir, 'data'),
          keyed: true,
          sources: ['-'],
          options: { runId: 'pipe' },
        }
        const child = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), JSON.stringify(order)])
        child.stdin.write(words(5))
        let out = ''
        for await (const chunk of child.stdout) {
          out += chunk
          if (out.includes('"recordsIn":5')) break
        }
        child.kill('SIGKILL')
        await once(child, 'exit')
        const ports = await openTestPorts(order.dir)
        const landed = await everything(ports.log, 'keyed-words.raw.g1')
        await ports.close()
        expect(
          landed
            .flat()
            .map(({ value }) => value)
            .sort(),
        ).toEqual(words(5).trim().split('\n'))
      }),
    120_000,
  )
})

describe('a collector that follows files and is killed with SIGKILL', () => {
  const changes = ['append', 'append', 'append', 'append', 'rename', 'copy and truncate', 'new file'] as const

  /** A writer of log files, and what it has written. */
  class Writer {
    readonly #folder: string
    readonly #random: () => number
    #next = 0
    #files = ['log.0']
    #made = 1
    #rotated = 0

    constructor(folder: string, random: () => number) {
      this.#folder = folder
      this.#random = random
    }

    get lines(): number {
      return this.#next
    }

    async change(): Promise<void> {
      const what = changes[Math.floor(this.#random() * changes.length)]
      const name = this.#files[Math.floor(this.#random() * this.#files.length)] ?? 'log.0'
      const path = join(this.#folder, name)
      if (what === 'new file') this.#files.push(`log.${this.#made++}`)
      // What is smaller is not known again when it is copied.
      const size = await stat(path).then(
        ({ size }) => size,
        () => 0,
      )
      if (what === 'rename' && size > 0) await rename(path, `${path}.old.${this.#rotated++}`)
      else if (what === 'copy and truncate' && size > 2000) {
        await copyFile(path, `${path}.copy.${this.#rotated++}`)
        await truncate(path)
      }
      await appendFile(path, words(40 + Math.floor(this.#random() * 200), this.#next))
      const text = await readFile(path, 'utf8')
      this.#next = Number.parseInt(text.trim().split('\n').at(-1) ?? '', 10) + 1
    }
  }

  it.each([1, 2, 3])(
    `while they are rotated puts in every line once (${SEED} + %i)`,
    (nth) =>
      inFolder(async (dir) => {
        const random = seededRandom(SEED + nth)
        const folder = join(dir, 'in')
        await mkdir(folder)
        const writer = new Writer(folder, random)
        const order: ChildOrder = {
          dir: join(dir, 'data'),
          keyed: nth === 2,
          sources: [folder],
          follow: true,
          options: { checkpointMs: 30 },
          maxBatchBytes: MAX_BATCH_BYTES,
          delayMsMax: 5,
        }
        let writing = true
        const written = (async () => {
          while (writing) {
            await writer.change()
            await new Promise((resolve) => setTimeout(resolve, random() * 900))
          }
        })()
        for (let lives = 0; lives < 5; lives++) {
          const child = spawn(process.execPath, [
            join(import.meta.dirname, 'child.ts'),
            JSON.stringify(order),
          ])
          await once(child.stdout, 'data')
          await new Promise((resolve) => setTimeout(resolve, random() * 1200))
          child.kill('SIGKILL')
          await once(child, 'exit')
        }
        writing = false
        await written
        const last = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), JSON.stringify(order)])
        let recordsIn = 0
        let errors = ''
        last.stderr.on('data', (chunk) => (errors += chunk))
        last.stdout.on('data', (chunk) => {
          recordsIn = JSON.parse(String(chunk).trim().split('\n').at(-1) ?? '{}').recordsIn ?? recordsIn
        })
        await until('every line to be read', () => recordsIn >= writer.lines || last.exitCode !== null)
        await new Promise((resolve) => setTimeout(resolve, 500))
        last.kill('SIGTERM')
        await once(last, 'close')
        expect(errors).toBe('')
        const ports = await openTestPorts(order.dir)
        const landed = await everything(ports.log, order.keyed ? 'keyed-words.raw.g1' : 'words.raw.g1')
        await ports.close()
        const values = landed.flat().map(({ value }) => value)
        expect(difference(values, words(writer.lines).trim().split('\n'))).toEqual(NO_DIFFERENCE)
      }),
    240_000,
  )
})
