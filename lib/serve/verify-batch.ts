import { manifestFiles, rowsOfFile } from '../master/read.ts'
import { PortError } from '../ports/errors.ts'
import type { Ports } from '../ports/ports.ts'
import { readExpiredBefore } from '../state/batch-expired.ts'
import type { BatchIndex } from '../state/batch-index.ts'
import { type BatchEntry, entryOf, loadBatchPointer, type ReadPointer } from '../state/batch-pointer.ts'
import { readBatchIndex } from '../state/batch-read.ts'
import { coveredRetractions, retractionsOf } from '../state/covered-retractions.ts'
import { allRetractions, type Retraction } from '../state/retractions.ts'
import { versionName } from '../state/view-since.ts'
import type { Stream } from '../stream/define.ts'
import type { Entry } from '../stream/entry.ts'
import { fieldsOfView } from '../stream/view-definition.ts'
import { compileView, type View } from '../views/view.ts'
import { type BatchProblem, BatchRecount } from './recount-batch.ts'
import { WINDOW_ROWS_MAX } from './recount-windows.ts'

export interface BatchReport {
  readonly view: string
  /** Epoch: the batch view holds those before it. */
  readonly horizon: number
  /** Rows (key and slot) that hold exactly what the master's records make. */
  readonly agreeing: number
  /** Records of earlier epochs that came after the recompute had read the log's end: in no layer until the next one. */
  readonly late: number
  /** A retraction was recorded or withdrawn since: the view leaves out what was retracted before. */
  readonly retractionsPending: boolean
}

/** Clocks step back by less. */
const CLOCK_BACK_MS_MAX = 3_600_000

type BatchPorts = Pick<Ports, 'keyed' | 'objects' | 'clock' | 'epochMs'>

/** Proves a stream's batch views against its master: what the pointer names, and every row of every segment. */
export class BatchVerification {
  readonly problems: BatchProblem[] = []
  readonly #ports: BatchPorts
  readonly #stream: Stream
  readonly #loaded: ReadPointer | undefined
  readonly #recounts: BatchRecount[] = []
  readonly #horizons = new Map<string, number>()
  readonly #pending = new Set<string>()

  private constructor(ports: BatchPorts, stream: Stream, loaded: ReadPointer | undefined) {
    this.#ports = ports
    this.#stream = stream
    this.#loaded = loaded
  }

  /** Reads what is published. `rowsMax`: rows that are held at one time. */
  static async start(
    ports: BatchPorts,
    stream: Stream,
    rowsMax = WINDOW_ROWS_MAX,
  ): Promise<BatchVerification> {
    const loaded = await loadBatchPointer(ports.keyed, stream.name)
    const verification = new BatchVerification(ports, stream, loaded)
    const retractions = await allRetractions(ports.keyed, stream.name)
    for (const [name, definition] of Object.entries(stream.views)) {
      const view = compileView(stream.name, name, definition)
      const entry = entryOf(loaded?.pointer, view)
      if (entry !== undefined) await verification.#open(view, entry, retractions, rowsMax)
    }
    for (const recount of verification.#recounts) recount.begin(0)
    return verification
  }

  /** The epochs before it are answered from the batch view: 0 without one. */
  horizonOf(view: View): number {
    return this.#horizons.get(view.id) ?? 0
  }

  /** Entries of the master, every one of them once. */
  add(entries: readonly Entry[]): void {
    for (const recount of this.#recounts) recount.add(entries)
  }

  /** Compares; reads the master again for what could not be held at one time. */
  async finish(): Promise<{ readonly moved: boolean; readonly views: readonly BatchReport[] }> {
    const { keyed, objects } = this.#ports
    const passes = Math.max(0, ...this.#recounts.map((one) => one.passes))
    for (let pass = 0; pass < passes; pass++) {
      if (pass > 0) await this.#read(pass)
      for (const recount of this.#recounts) this.problems.push(...(await recount.finish(objects)))
    }
    const moved = (await loadBatchPointer(keyed, this.#stream.name))?.rev !== this.#loaded?.rev
    if (!moved) await this.#checkExpired()
    return { moved, views: this.#recounts.map((one) => this.#reportOf(one)) }
  }

  async #open(
    view: View,
    entry: BatchEntry,
    retractions: readonly Retraction[],
    rowsMax: number,
  ): Promise<void> {
    const where = `batch view ${view.id}`
    this.#horizons.set(view.id, entry.horizon)
    try {
      const index = await readBatchIndex(this.#ports.objects, entry)
      const problems = this.#indexProblems(view, entry, index)
      this.problems.push(...problems.map((what) => ({ where, what })))
      // Of another view or other epochs: there is nothing to compare.
      if (problems.length > 0) return
      const held = retractionsOf(index.covers, retractions)
      if (held === undefined)
        this.problems.push({
          where,
          what: 'it leaves out records that no retraction names, or holds retracted ones',
        })
      const standing = retractions.filter(({ withdrawn }) => withdrawn === undefined)
      if (coveredRetractions(standing, index.covers) !== index.covers.retractions) this.#pending.add(view.id)
      this.#recounts.push(new BatchRecount(view, index, held ?? standing, rowsMax))
    } catch (error) {
      if (!(error instanceof PortError) || error.code !== 'CORRUPT') throw error
      this.problems.push({ where, what: error.message })
    }
  }

  #indexProblems(view: View, entry: BatchEntry, index: BatchIndex): readonly string[] {
    const { epochMs, clock } = this.#ports
    const { covers } = index
    const problems: string[] = []
    if (index.view !== versionName(view))
      problems.push(`the pointer names index ${entry.index}, which is of view ${index.view}`)
    if (covers.horizon !== entry.horizon)
      problems.push(
        `the pointer says horizon ${entry.horizon}, its index covers the epochs before ${covers.horizon}`,
      )
    if (covers.epochMs !== epochMs)
      problems.push(`its epochs are ${covers.epochMs} ms long, those of this deployment ${epochMs} ms`)
    if (covers.horizon * covers.epochMs > clock.nowMs() + CLOCK_BACK_MS_MAX)
      problems.push(`its horizon ${covers.horizon} lies in the future`)
    return problems
  }

  /** Boards below a horizon may be gone; those from it on must not. */
  async #checkExpired(): Promise<void> {
    for (const { view } of this.#recounts) {
      const before = await readExpiredBefore(this.#ports.keyed, this.#stream.name, view)
      const horizon = this.horizonOf(view)
      if (before > horizon)
        this.problems.push({
          where: `batch view ${view.id}`,
          what: `boards of the epochs before ${before} have been deleted, the pointer's horizon is ${horizon}`,
        })
    }
  }

  async #read(pass: number): Promise<void> {
    const { objects } = this.#ports
    for (const recount of this.#recounts) recount.begin(pass)
    const fields = [...new Set(Object.values(this.#stream.views).flatMap(fieldsOfView))]
    for await (const { file } of manifestFiles(objects, this.#stream.name))
      if (this.#recounts.some((one) => one.wants(file)))
        for await (const entries of rowsOfFile(objects, file, fields)) this.add(entries)
  }

  #reportOf({ view, agreeing, late }: BatchRecount): BatchReport {
    const retractionsPending = this.#pending.has(view.id)
    return { view: view.id, horizon: this.horizonOf(view), agreeing, late, retractionsPending }
  }
}
