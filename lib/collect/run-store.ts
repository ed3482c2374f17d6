import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import type { Clock } from '../ports/clock.ts'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { RunError, RunTakenError } from './run-error.ts'
import {
  automaticPrefix,
  automaticRunId,
  type RunPlan,
  type RunRecord,
  type RunSource,
} from './run-record.ts'

/** A process that has not checkpointed for so long is taken to be gone. */
const HOLD_MS = 10_000
const RUN_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/

/**
 * A run's durable record, and this process as its one writer: each write holds only where the one before it still
 * stands, so that of two processes at the same run the older stops at its next checkpoint.
 */
export class RunStore {
  readonly #keyed: KeyedStore
  readonly #objects: ObjectStore
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #stream: string
  readonly #session = randomUUID()
  #writes = 0
  #rev: string | undefined

  constructor(
    { keyed, objects, clock }: { keyed: KeyedStore; objects: ObjectStore; clock: Pick<Clock, 'nowMs'> },
    stream: string,
  ) {
    this.#keyed = keyed
    this.#objects = objects
    this.#clock = clock
    this.#stream = stream
  }

  /** The run of that id; undefined where there is none. `save` then goes on from it. */
  async load(runId: string): Promise<RunRecord | undefined> {
    if (!RUN_ID.test(runId))
      throw new RunError(
        `bad run id ${JSON.stringify(runId)}: use up to 64 letters, digits, dots, dashes and underscores`,
      )
    return this.#take(await this.#keyed.get(this.#pk, runId))
  }

  /** The newest run of a plan under an automatic id. */
  async newestOf(plan: RunPlan): Promise<RunRecord | undefined> {
    const prefix = automaticPrefix(plan)
    const range = { from: prefix, to: `${prefix}~`, descending: true, limit: 1 }
    for await (const item of this.#keyed.query(this.#pk, range)) return this.#take(item)
    return undefined
  }

  /** The automatic id after that of `newest`. */
  nextId(plan: RunPlan, newest: RunRecord | undefined): string {
    const nth = newest === undefined ? 0 : Number(newest.runId.slice(automaticPrefix(plan).length))
    return automaticRunId(plan, nth + 1)
  }

  /** Keeps a new run. Throws a RunTakenError where another process has just begun one of that id. */
  async create(run: RunRecord, sources: readonly RunSource[]): Promise<void> {
    this.#rev = undefined
    await this.#objects.put(this.#sourcesKey(run.runId), Buffer.from(JSON.stringify(sources)))
    await this.save(run, 'hold')
  }

  /**
   * Replaces the record, and holds the run for this process or lets it go. Throws a RunTakenError where another process
   * has replaced it since.
   */
  async save({ holder: _, ...run }: RunRecord, then: 'hold' | 'release'): Promise<void> {
    const rev = `${this.#session}.${++this.#writes}`
    const holder = { host: hostname(), pid: process.pid, untilMs: this.#clock.nowMs() + HOLD_MS }
    const record: RunRecord = then === 'hold' ? { ...run, holder } : run
    const item: Item = { pk: this.#pk, sk: run.runId, rev, data: Buffer.from(JSON.stringify(record)) }
    const condition = this.#rev === undefined ? 'absent' : { rev: this.#rev }
    const written = await this.#keyed.put(item, condition).catch(async (error: unknown) => {
      // A write that rejects may have happened: the item itself knows.
      const current = await this.#keyed.get(this.#pk, run.runId)
      if (current?.rev === this.#rev) throw error
      return { ok: current?.rev === rev }
    })
    if (!written.ok) throw taken(run.runId)
    this.#rev = rev
  }

  /** Throws a RunTakenError where another process has replaced the record since. */
  async requireHeld(runId: string): Promise<void> {
    const current = await this.#keyed.get(this.#pk, runId)
    if (current?.rev.startsWith(`${this.#session}.`) !== true) throw taken(runId)
  }

  /** Throws a RunError where a living process has the run in hand: two at once could append a record twice. */
  requireFree({ runId, holder }: RunRecord): void {
    if (holder === undefined || holder.untilMs <= this.#clock.nowMs()) return
    if (holder.host === hostname() && !isAlive(holder.pid)) return
    const who = `process ${holder.pid} on ${holder.host}`
    throw new RunError(
      `run ${runId}: ${who} works on it. Stop that process first; if it is gone already, wait ${HOLD_MS / 1000} s`,
    )
  }

  /** The sources that `create` was given. */
  async sources(runId: string): Promise<readonly RunSource[]> {
    const object = await this.#objects.get(this.#sourcesKey(runId))
    if (object === undefined)
      throw new RunError(
        `run ${runId}: its list of sources is missing; start anew with a --run-id of your own`,
      )
    return JSON.parse(Buffer.from(object.bytes).toString()) as readonly RunSource[]
  }

  #take(item: Item | undefined): RunRecord | undefined {
    this.#rev = item?.rev
    return item === undefined ? undefined : (JSON.parse(Buffer.from(item.data).toString()) as RunRecord)
  }

  #sourcesKey(runId: string): string {
    return `runs/${this.#stream}/${runId}/sources.json`
  }

  get #pk(): string {
    return `run/${this.#stream}`
  }
}

function taken(runId: string): RunTakenError {
  return new RunTakenError(`run ${runId}: another process works on it, so this one stops; nothing is lost`)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch (error) {
    // A process of another user is alive as well.
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
  return !isZombie(pid)
}

/** A killed process keeps its id until its parent has asked how it ended, which may be never. Known on Linux only. */
function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return /^[ZX]/.test(stat.slice(stat.lastIndexOf(')') + 2))
  } catch {
    return false
  }
}
