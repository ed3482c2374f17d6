import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { seededRandom } from '../../lib/stream/random.ts'
import { workersOf } from '../end-to-end/processes.ts'
import { delay, eventually } from '../end-to-end/weir.ts'
import { Command } from './command.ts'
import { DEFINITIONS, ORACLE } from './definitions.ts'
import { oracleRows } from './oracle.ts'
import { Project } from './project.ts'
import { writeSource } from './source.ts'

export interface SoakOptions {
  /** Everything is kept below it. */
  readonly dir: string
  readonly seconds: number
  /** It goes on until there have been so many kills and so many recomputes that came to their end. */
  readonly least?: readonly [kills: number, recomputes: number]
  /** Of one run of `weir replay`; as many runs follow each other as the time allows. */
  readonly recordsPerRun: number
  readonly seed: number
  /** Where the log, the state and the objects are: arguments and environment of every command. */
  readonly servers: { readonly args: readonly string[]; readonly env: Readonly<Record<string, string>> }
  readonly say: (line: string) => void
}

export interface SoakReport {
  readonly seed: number
  readonly seconds: number
  readonly records: number
  readonly runs: number
  readonly kills: Readonly<Record<string, number>>
  readonly recomputes: number
  readonly queries: number
  /** What is wrong; empty where every view, the master and the source agree. */
  readonly problems: readonly string[]
}

const EPOCH_MS = 2_000

/**
 * Replays sources as fast as it goes while workers, the pipeline itself and recomputes are killed at random moments and the
 * stream's views change; then compares every view, by every layer, with DuckDB over the sources, and verifies the master.
 */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const run = await Soak.begin(options)
  return run.toEnd()
}

class Soak {
  readonly #options: SoakOptions
  readonly #project: Project
  readonly #data: string
  readonly #random: () => number
  readonly #startedMs = Date.now()
  readonly #sources: string[] = []
  readonly #kills: Record<string, number> = {}
  readonly #problems: string[] = []
  #replaying: Command | undefined
  #definition = 0
  #records = 0
  #recomputes = 0
  #queries = 0
  #appending = true

  private constructor(options: SoakOptions, project: Project) {
    this.#options = options
    this.#project = project
    this.#data = join(options.dir, 'data')
    this.#random = seededRandom(options.seed)
  }

  static async begin(options: SoakOptions): Promise<Soak> {
    await mkdir(options.dir, { recursive: true })
    const project = await Project.copyTo(join(options.dir, 'project'))
    await project.define(DEFINITIONS[0] as string)
    return new Soak(options, project)
  }

  async toEnd(): Promise<SoakReport> {
    const others = [this.#killing(), this.#recomputing(), this.#querying(), this.#deploying()]
    await this.#replayAll()
    this.#appending = false
    await Promise.all(others)
    await this.#checkAll()
    const { seed } = this.#options
    return {
      seed,
      seconds: (Date.now() - this.#startedMs) / 1000,
      records: this.#records,
      runs: this.#sources.length,
      kills: this.#kills,
      recomputes: this.#recomputes,
      queries: this.#queries,
      problems: this.#problems,
    }
  }

  get #timeIsLeft(): boolean {
    return Date.now() - this.#startedMs < this.#options.seconds * 1000
  }

  async #replayAll(): Promise<void> {
    const { dir, recordsPerRun, seed, say } = this.#options
    const [kills, recomputes] = this.#options.least ?? [0, 0]
    const killed = () => Object.values(this.#kills).reduce((sum, n) => sum + n, 0)
    const toDo = () =>
      this.#definition < DEFINITIONS.length - 1 || killed() < kills || this.#recomputes < recomputes
    while (this.#timeIsLeft || toDo()) {
      const path = join(dir, `source-${this.#sources.length}.ndjson`)
      await writeSource(path, recordsPerRun, this.#records, seed + this.#sources.length, Date.now())
      this.#sources.push(path)
      this.#records += recordsPerRun
      await this.#replay(path)
      say(`${this.#records} records; kills ${JSON.stringify(this.#kills)}; ${this.#recomputes} recomputes`)
    }
  }

  /** The same command, again and again, until it has ended by itself. */
  async #replay(path: string): Promise<void> {
    for (let failures = 0; failures < 5; ) {
      this.#replaying = this.#weir(
        'replay',
        'soak',
        path,
        '--run-id',
        `run-${this.#sources.length}`,
        '--json',
      )
      const { code, signal, err } = await this.#replaying.ended
      if (code === 0) return
      if (signal === 'SIGKILL') continue
      failures++
      this.#options.say(`weir replay ended with code ${code}: ${err.slice(-2000)}`)
      if (failures === 5) this.#problems.push(`weir replay failed: ${err.slice(-500)}`)
    }
  }

  async #killing(): Promise<void> {
    while (this.#appending) {
      await delay(300 + this.#random() * 2_000)
      if (this.#random() < 0.1) {
        this.#replaying?.kill()
        this.#note('weir replay')
        continue
      }
      const workers = workersOf(this.#data)
      const one = workers[Math.floor(this.#random() * workers.length)]
      if (one === undefined) continue
      try {
        process.kill(one.pid, 'SIGKILL')
        this.#note(one.functionName)
      } catch {
        // It had ended by itself.
      }
    }
  }

  #note(what: string): void {
    this.#kills[what] = (this.#kills[what] ?? 0) + 1
  }

  async #recomputing(): Promise<void> {
    while (this.#appending) {
      const full = this.#random() < 0.1 ? ['--full'] : []
      const command = this.#weir('recompute', 'soak', ...full, '--json')
      if (this.#random() < 0.25) {
        await Promise.race([delay(this.#random() * 4_000), command.ended])
        command.kill()
        this.#note('weir recompute')
      }
      const { code, signal, out, err } = await command.ended
      if (code === 0) this.#recomputes++
      else if (signal !== 'SIGKILL' && !mayHappen(out, err)) {
        this.#problems.push(`weir recompute: ${err.slice(-500)}`)
        this.#options.say(`weir recompute ended with code ${code}: ${err.slice(-2000)}`)
      }
    }
  }

  /** What has been answered once stays answered: the number of all records never falls, and is never beyond what was sent. */
  async #querying(): Promise<void> {
    let last = 0
    while (this.#appending) {
      await delay(500)
      const command = this.#weir('query', 'soak.records', '--json')
      const { code, out, err } = await command.ended
      const most = this.#records
      if (code !== 0) {
        if (!mayHappen(out, err)) this.#problems.push(`weir query: ${err.slice(-500)}`)
        continue
      }
      const rows = (JSON.parse(out) as { rows: { count: number }[] }).rows
      const now = rows.reduce((sum, { count }) => sum + count, 0)
      if (now < last) this.#problems.push(`an answer of ${last} records was followed by one of ${now}`)
      if (now > most) this.#problems.push(`an answer of ${now} records where ${most} were sent`)
      last = now
      this.#queries++
    }
  }

  async #deploying(): Promise<void> {
    const third = (this.#options.seconds * 1000) / DEFINITIONS.length
    for (const views of DEFINITIONS.slice(1)) {
      await delay(third)
      // Workers take it up as they die: for a while old and new ones work beside each other.
      await this.#project.define(views)
      this.#definition++
    }
  }

  async #checkAll(): Promise<void> {
    await this.#recomputeAll()
    for (const [view, sql] of Object.entries(ORACLE)) {
      const due = await oracleRows(this.#sources, sql)
      for (const layer of ['merged', 'batch']) {
        const { rows } = await this.#answer<{ rows: Record<string, unknown>[] }>(
          ...['query', `soak.${view}`, '--layer', layer],
        )
        this.#compare(`${view}, layer ${layer}`, due, rows)
      }
    }
    const { ok } = await this.#answer<{ ok: boolean }>('verify', 'soak')
    if (!ok) this.#problems.push('weir verify found something wrong')
  }

  /** Until a run covers everything that was appended. */
  async #recomputeAll(): Promise<void> {
    const endMs = Date.now()
    await eventually(
      'a recompute of everything',
      async () => {
        const { streams } = await this.#answer<{ streams?: { complete?: boolean; plannedMs: number }[] }>(
          ...['recompute', 'soak'],
        )
        // Without an answer for now a run that was killed still has the lease.
        return streams?.every(({ complete, plannedMs }) => complete === true && plannedMs > endMs)
          ? true
          : undefined
      },
      180_000,
      500,
    )
  }

  #compare(what: string, due: readonly Row[], rows: readonly Row[]): void {
    const found = new Map(rows.map((row) => [row.key, row]))
    const wrong = due.filter((row) => {
      const own = found.get(row.key)
      return Object.entries(row).some(([name, value]) => String(own?.[name]) !== String(value))
    })
    if (wrong.length > 0 || rows.length !== due.length)
      this.#problems.push(
        `${what}: ${rows.length} rows, due ${due.length}, ${wrong.length} differ; first: due ${JSON.stringify(wrong[0])}, found ${JSON.stringify(found.get(wrong[0]?.key))}`,
      )
  }

  async #answer<T>(...args: string[]): Promise<T> {
    const { code, out, err } = await this.#weir(...args, '--json').ended
    if (code !== 0 && out === '') throw new Error(`weir ${args.join(' ')}: ${err.slice(-2000)}`)
    return JSON.parse(out) as T
  }

  #weir(...args: string[]): Command {
    const { servers } = this.#options
    const settings = {
      WEIR_EPOCH_MS: String(EPOCH_MS),
      WEIR_SLACK_MS: '500',
      WEIR_LEASE_MS: '4000',
      WEIR_GRACE_MS: '10000',
    }
    return new Command(
      [this.#project.weir, ...args, '--data', this.#data, ...servers.args],
      { ...settings, ...servers.env },
      this.#project.dir,
    )
  }
}

type Row = Readonly<Record<string, unknown>>

/**
 * Another run has the lease (it was killed, and nobody knows yet) or has overtaken this one, the archive is held up by kills, or
 * nothing has made the data folder yet. By the codes that the command prints, never by its prose.
 */
function mayHappen(out: string, err: string): boolean {
  if (out === '') return err.startsWith('weir: there is no data in ')
  const { error } = JSON.parse(out) as { error?: { code?: string } }
  return ['RUN_REFUSED', 'RUN_LOST', 'ARCHIVE_BEHIND'].includes(error?.code ?? '')
}

/** A name that no other soak has, for what several of them share on a server. */
export function uniqueNames() {
  const id = `soak-${randomUUID()}`
  return { WEIR_TABLE: id, WEIR_BUCKET: id }
}
