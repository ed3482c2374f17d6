import { recordsIn } from './block.ts'
import { Feeder, PAUSE_MS } from './feeder.ts'
import type { InputSession, KnownSource, LiveBlock, LiveInput } from './live-input.ts'
import { merge } from './merge.ts'
import type { OpenRun } from './open-run.ts'
import { withPauses } from './pauses.ts'
import type { RunRequest } from './run.ts'
import { RunTakenError } from './run-error.ts'
import { type RunRecord, recordsLanded } from './run-record.ts'
import { RunSources } from './run-sources.ts'
import type { RunStore } from './run-store.ts'
import { largeWriter, Sender, wholeOf } from './sender.ts'
import { SourceFloors } from './source-floors.ts'

const CHECKPOINT_MS = 2000
const PROGRESS_MS = 200
/** After an abort, inputs have so long to give what they had taken in. */
const LEAVE_MS_MAX = 3000

/** One process's work at a run whose sources go on for ever and are read side by side. */
export class LiveSession {
  readonly #request: RunRequest
  readonly #inputs: readonly LiveInput[]
  readonly #store: RunStore
  readonly #sources: RunSources
  readonly #sender: Sender
  readonly #feeder: Feeder
  readonly #floors = new SourceFloors()
  readonly #signal: AbortSignal
  readonly #startedMs: number
  /** Sources to be forgotten as soon as nothing of them is on its way. */
  readonly #leaving = new Set<number>()
  #run: RunRecord
  #checkpointMs: number
  #checkpointing: Promise<void> = Promise.resolve()
  #progressMs = 0

  constructor(
    request: RunRequest,
    inputs: readonly LiveInput[],
    { run, fence }: OpenRun,
    store: RunStore,
    startedMs: number,
  ) {
    const { ports, stream, options = {}, random = Math.random } = request
    this.#request = request
    this.#inputs = inputs
    this.#store = store
    this.#run = run
    this.#startedMs = startedMs
    this.#checkpointMs = startedMs
    this.#signal = request.signal ?? new AbortController().signal
    const requireHeld = () => store.requireHeld(run.runId)
    this.#sources = new RunSources({ keyed: ports.keyed, stream: stream.name, runId: run.runId, requireHeld })
    this.#sender = new Sender({ ports, stream, run, fence, random, sideBySide: true })
    this.#feeder = new Feeder({
      clock: ports.clock,
      sender: this.#sender,
      ratePerS: options.ratePerS,
      signal: this.#signal,
      // It may be nowhere else.
      afterAbort: 'send',
      keepUp: () => this.#keepUp(),
    })
  }

  /** Works until the signal aborts or every input has ended, and returns the run's record as it is then kept. */
  async work(): Promise<RunRecord> {
    const inputs = new AbortController()
    const leave = () => inputs.abort()
    this.#signal.addEventListener('abort', leave, { once: true })
    if (this.#signal.aborted) leave()
    try {
      await this.#readAll(inputs.signal)
      await this.#sender.drain()
      await this.#checkpoint(this.#signal.aborted ? 'running' : 'finished', 'release')
    } catch (error) {
      leave()
      await this.#leave(error)
      throw error
    } finally {
      this.#signal.removeEventListener('abort', leave)
    }
    this.#report()
    return this.#run
  }

  async #leave(error: unknown): Promise<void> {
    if (error instanceof RunTakenError) return this.#sender.rest()
    const drained = await this.#sender.drain().then(
      () => true,
      () => false,
    )
    await this.#checkpoint('running', 'release', drained).catch(() => undefined)
  }

  async #readAll(signal: AbortSignal): Promise<void> {
    const { clock } = this.#request.ports
    const known = await this.#sources.load(this.#inputs.length)
    const blocks = this.#inputs.map((input, i) => input.read(this.#inputSession(i, known[i] ?? [], signal)))
    const over = new AbortController()
    const leaveLater = () =>
      void clock.sleep(LEAVE_MS_MAX, over.signal).then(
        () => over.abort(),
        () => undefined,
      )
    signal.addEventListener('abort', leaveLater, { once: true })
    if (signal.aborted) leaveLater()
    try {
      const pauses = { clock, pauseMs: PAUSE_MS, signal: over.signal }
      for await (const block of withPauses(merge(blocks), pauses, () => this.#feeder.pause()))
        await this.#take(block)
    } finally {
      over.abort()
    }
  }

  async #take({ source, block, resume, stride }: LiveBlock): Promise<void> {
    const whole = { ...wholeOf(block, source, 0), stride }
    if (recordsIn(block) > 0) await this.#feeder.take(whole, () => undefined)
    this.#floors.taken(source, block, resume)
  }

  #inputSession(input: number, known: readonly KnownSource[], signal: AbortSignal): InputSession {
    const { ports, onNotice } = this.#request
    return {
      signal,
      known,
      create: async (detail, resume) => {
        const source = await this.#nextSource()
        await this.#sources.create(source, input, detail, resume)
        return source
      },
      describe: (source, detail) => this.#sources.keep(source, { detail }),
      kept: (source) => this.#sources.resumeOf(source),
      forget: (source) => void this.#leaving.add(source),
      large: (place) => largeWriter(ports, this.#sender, place),
      notice: (message) => onNotice?.(message),
    }
  }

  /** A number that no source of the run ever had, kept before it is given out. */
  async #nextSource(): Promise<number> {
    const source = this.#run.nextSource ?? 0
    this.#run = { ...this.#run, nextSource: source + 1 }
    await this.#checkpoint('running', 'hold')
    return source
  }

  /** Checkpoint and progress, when they are due. */
  async #keepUp(): Promise<void> {
    const nowMs = this.#request.ports.clock.nowMs()
    const everyMs = this.#request.options?.checkpointMs ?? CHECKPOINT_MS
    if (Math.abs(nowMs - this.#checkpointMs) >= everyMs) await this.#checkpoint('running', 'hold')
    if (Math.abs(nowMs - this.#progressMs) >= PROGRESS_MS) this.#report()
  }

  /** One after the other: inputs ask for them too, when they make sources. */
  #checkpoint(state: RunRecord['state'], then: 'hold' | 'release', settled = true): Promise<void> {
    const checkpoint = this.#checkpointing.then(() => this.#writeCheckpoint(state, then, settled))
    this.#checkpointing = checkpoint.catch(() => undefined)
    return checkpoint
  }

  async #writeCheckpoint(
    state: RunRecord['state'],
    then: 'hold' | 'release',
    settled: boolean,
  ): Promise<void> {
    const nowMs = this.#request.ports.clock.nowMs()
    this.#checkpointMs = nowMs
    // Floors first: only then may the places below them be forgotten.
    const { landed } = this.#sender
    for (const { source, resume } of this.#floors.risen((source) => this.#sender.firstPendingOf(source)))
      await this.#sources.keep(source, { resume })
    this.#sender.forget((place) => this.#floors.isBelow(place))
    await this.#forgetLeft()
    const finished = state === 'finished' ? { finishedMs: nowMs } : {}
    const record = { ...this.#run, state, landed, ...finished, settled: then === 'release' && settled }
    await this.#store.save(record, then)
    this.#run = { ...record, ...(this.#run.nextSource !== undefined && { nextSource: this.#run.nextSource }) }
  }

  async #forgetLeft(): Promise<void> {
    for (const source of this.#leaving) {
      if (this.#floors.isOnItsWay(source)) continue
      this.#leaving.delete(source)
      this.#floors.forget(source)
      await this.#sources.forget(source)
    }
  }

  #report(): void {
    const nowMs = this.#request.ports.clock.nowMs()
    this.#progressMs = nowMs
    this.#request.onProgress?.({
      runId: this.#run.runId,
      recordsIn: recordsLanded({ landed: this.#sender.landed }),
      bytesRead: 0,
      bytesTotal: undefined,
      seconds: (nowMs - this.#startedMs) / 1000,
    })
  }
}
