import { recordsIn } from './block.ts'
import { Feeder, PAUSE_MS } from './feeder.ts'
import type { OpenRun } from './open-run.ts'
import { withPauses } from './pauses.ts'
import { atOrBefore } from './place.ts'
import type { RunRequest } from './run.ts'
import { RunTakenError } from './run-error.ts'
import { type Floor, type RunRecord, recordsLanded } from './run-record.ts'
import type { RunStore } from './run-store.ts'
import { largeWriter, Sender, wholeOf } from './sender.ts'
import type { Source } from './source.ts'

const CHECKPOINT_MS = 2000
const PROGRESS_MS = 200

/** One process's work at a run: reads the sources, has the rest of them sent, keeps checkpoints. */
export class RunSession {
  readonly #request: RunRequest
  readonly #store: RunStore
  readonly #sources: readonly Source[]
  readonly #sender: Sender
  readonly #feeder: Feeder
  readonly #signal: AbortSignal
  readonly #startedMs: number
  readonly #bytesTotal: number | undefined
  #run: RunRecord
  /** Everything up to here has been given to the sender. */
  #read: Floor
  /** Records of the run before each source from the floor's on. */
  readonly #recordsBefore = new Map<number, number>()
  #checkpointMs: number
  #progressMs = 0
  #bytesRead = 0

  constructor(request: RunRequest, { run, sources, fence }: OpenRun, store: RunStore, startedMs: number) {
    const { ports, stream, options = {} } = request
    this.#request = request
    this.#store = store
    this.#sources = sources
    this.#startedMs = startedMs
    this.#checkpointMs = startedMs
    this.#signal = request.signal ?? new AbortController().signal
    this.#run = run
    this.#read = run.floor
    this.#recordsBefore.set(run.floor.source, run.floor.recordsBefore)
    this.#sender = new Sender({ ports, stream, run, fence, random: request.random ?? Math.random })
    this.#feeder = new Feeder({
      clock: ports.clock,
      sender: this.#sender,
      ratePerS: options.ratePerS,
      signal: this.#signal,
      afterAbort: 'leave',
      keepUp: () => this.#keepUp(),
    })
    this.#bytesTotal = run.plan.loop ? undefined : totalBytes(sources)
  }

  /** Works until the sources have ended or the signal aborts, and returns the run's record as it is then kept. */
  async work(): Promise<RunRecord> {
    try {
      await this.#readAll()
      await this.#sender.drain()
      await this.#checkpoint(this.#signal.aborted && this.#canGoOn ? 'running' : 'finished', 'release')
    } catch (error) {
      await this.#leave(error)
      throw error
    }
    this.#report()
    return this.#run
  }

  /** False where nobody could go on with it: the sources are gone, and no id was given to find it by. */
  get #canGoOn(): boolean {
    return this.#request.options?.runId !== undefined || this.#sources.every(({ repeatable }) => repeatable)
  }

  /** Has what was read appended and kept, unless another process has taken the run over. */
  async #leave(error: unknown): Promise<void> {
    if (error instanceof RunTakenError) return this.#sender.rest()
    // The first error is the one to tell; the next session finds in the log what a checkpoint could not say.
    const drained = await this.#sender.drain().then(
      () => true,
      () => false,
    )
    await this.#checkpoint('running', 'release', drained).catch(() => undefined)
  }

  async #readAll(): Promise<void> {
    const perPass = this.#sources.length
    const floor = this.#run.floor.source
    for (let pass = Math.floor(floor / perPass); !this.#signal.aborted; pass++) {
      let records = 0
      for (const [i, source] of this.#sources.entries()) {
        const number = pass * perPass + i
        if (number < floor) this.#bytesRead += source.sizeBytes ?? 0
        else records += await this.#readSource(source, number, pass)
        if (this.#signal.aborted) return
      }
      if (!this.#run.plan.loop) return
      if (records === 0 && pass * perPass >= floor) {
        this.#request.onNotice?.('the sources hold no records, so there is nothing to repeat')
        return
      }
    }
  }

  /** Resolves with the number of records in the source. */
  async #readSource(source: Source, number: number, pass: number): Promise<number> {
    const { ports, onNotice } = this.#request
    const recordsBefore = this.#recordsBefore.get(number) ?? 0
    const blocks = source.read({
      pass,
      signal: this.#signal,
      notice: (message) => onNotice?.(message),
      large: (position) => largeWriter(ports, this.#sender, { source: number, position }),
      onBytes: (bytes) => {
        this.#bytesRead += bytes
      },
    })
    const pauses = { clock: ports.clock, pauseMs: PAUSE_MS, signal: this.#signal }
    let count = 0
    for await (const block of withPauses(blocks, pauses, () => this.#feeder.pause())) {
      await this.#feeder.take(wholeOf(block, number, recordsBefore), ({ to }) => {
        this.#read = { source: number, position: block.position + to - 1, recordsBefore }
      })
      count += recordsIn(block)
    }
    if (this.#signal.aborted) return count
    if (count === 0) onNotice?.(`${source.name} is empty: no records in it`)
    this.#recordsBefore.set(number + 1, recordsBefore + count)
    this.#read = { source: number + 1, position: -1, recordsBefore: recordsBefore + count }
    return count
  }

  /** Checkpoint and progress, when they are due. */
  async #keepUp(): Promise<void> {
    const nowMs = this.#request.ports.clock.nowMs()
    const everyMs = this.#request.options?.checkpointMs ?? CHECKPOINT_MS
    if (Math.abs(nowMs - this.#checkpointMs) >= everyMs) await this.#checkpoint('running', 'hold')
    if (Math.abs(nowMs - this.#progressMs) >= PROGRESS_MS) this.#report()
  }

  async #checkpoint(state: RunRecord['state'], then: 'hold' | 'release', settled = true): Promise<void> {
    const nowMs = this.#request.ports.clock.nowMs()
    this.#checkpointMs = nowMs
    const reached = this.#sender.floor(this.#read, (source) => this.#recordsBefore.get(source) ?? 0)
    // While a session reads again what had landed before it, the floor stays where it was.
    const floor = atOrBefore(reached, this.#run.floor) ? this.#run.floor : reached
    const finished = state === 'finished' ? { finishedMs: nowMs } : {}
    this.#run = { ...this.#run, state, landed: this.#sender.landed, floor, ...finished }
    this.#run = { ...this.#run, settled: then === 'release' && settled }
    await this.#store.save(this.#run, then)
    for (const source of this.#recordsBefore.keys())
      if (source < floor.source) this.#recordsBefore.delete(source)
  }

  #report(): void {
    const nowMs = this.#request.ports.clock.nowMs()
    this.#progressMs = nowMs
    this.#request.onProgress?.({
      runId: this.#run.runId,
      recordsIn: recordsLanded({ landed: this.#sender.landed }),
      bytesRead: this.#bytesRead,
      bytesTotal: this.#bytesTotal,
      seconds: (nowMs - this.#startedMs) / 1000,
    })
  }
}

function totalBytes(sources: readonly Source[]): number | undefined {
  let total = 0
  for (const { sizeBytes } of sources) {
    if (sizeBytes === undefined) return undefined
    total += sizeBytes
  }
  return total
}
