import type { Ports } from '../ports/ports.ts'
import type { Stream } from '../stream/define.ts'
import type { LiveInput } from './live-input.ts'
import { LiveSession } from './live-session.ts'
import { openRun } from './open-run.ts'
import type { OffsetRange } from './ranges.ts'
import { type RunPlan, type RunRecord, recordsLanded } from './run-record.ts'
import { RunSession } from './run-session.ts'
import { RunStore } from './run-store.ts'
import type { Source } from './source.ts'
import { absoluteSources } from './sources.ts'

export interface RunOptions {
  /** That run and no other: it finishes once, however often it is asked for. */
  readonly runId?: string
  /** Records a second; as fast as they can be appended where it is left out. */
  readonly ratePerS?: number
  /** All sources in memory, in an order made from the seed. */
  readonly shuffleSeed?: number
  /** Records become JSON objects with uuid (from the seed), utc, sequence_id and index added. */
  readonly stampSeed?: number
  /** Over and over, until aborted. */
  readonly loop?: boolean
  /** Who collects: needed where several machines put records into one log, for their runs without an id to be told apart. */
  readonly collector?: string
  /** Default 2000. */
  readonly checkpointMs?: number
}

export interface RunRequest {
  readonly ports: Ports
  readonly stream: Stream
  /** Files, folders, patterns or `-`; or sources made in code. With `live`: what names the run, and no more. */
  readonly sources: readonly string[] | readonly Source[]
  /** Read side by side in place of `sources`, until aborted. */
  readonly live?: readonly LiveInput[]
  readonly options?: RunOptions
  /** Stops the run: what was read is appended, and the same request goes on from there. */
  readonly signal?: AbortSignal
  /** Called a few times a second at most. */
  readonly onProgress?: (progress: RunProgress) => void
  /** Things worth knowing that are no errors: an empty file, a run taken up again. */
  readonly onNotice?: (message: string) => void
  /** In [0, 1), for the jitter of retries. */
  readonly random?: () => number
}

export interface RunProgress {
  readonly runId: string
  /** Records in the log, of all sessions of this run. */
  readonly recordsIn: number
  /** Of the files, before decompression, since this session began; skipped records are among them. */
  readonly bytesRead: number
  readonly bytesTotal: number | undefined
  readonly seconds: number
}

export interface RunResult {
  readonly runId: string
  /** Records that this run has put into the log, over all its sessions. */
  readonly recordsIn: number
  /** By partition, the raw offsets [from, to) where they lie. */
  readonly ranges: readonly (readonly OffsetRange[])[]
  /** Raw topic of these offsets. */
  readonly topic: string
  /** An earlier session had begun it. */
  readonly resumed: boolean
  /** False where `signal` stopped it: the same request goes on with it. */
  readonly finished: boolean
  /** Records that this session put into the log; 0 where the run had finished before. */
  readonly recordsInSession: number
  /** Of this session. */
  readonly seconds: number
}

/**
 * Feeds every record of the sources into the stream's raw topic, each once, in order per partition (docs/exactness.md,
 * rule 12). A run that was stopped, however it was stopped, goes on when the same request is made again; once it has
 * finished, the same request is a new run. Sources that cannot be read twice go on only under a `runId`.
 *
 * A run of live inputs has no end: it goes on, whenever the same request is made, where it was stopped or killed.
 *
 * Rejects with a SourceError, a RunError or a PortError after everything that was read has been appended, where it can be.
 */
export async function startRun(request: RunRequest): Promise<RunResult> {
  const { ports, stream, onNotice, options = {} } = request
  const startedMs = ports.clock.nowMs()
  const store = new RunStore(ports, stream.name)
  const { runId, sources } = { runId: options.runId, sources: request.sources }
  const opened = await openRun({
    ports,
    stream,
    store,
    sources,
    plan: planOf(request),
    ...(runId !== undefined && { runId }),
  })
  const before = recordsLanded(opened.run)
  if (opened.run.state === 'finished') {
    onNotice?.(`run ${opened.run.runId} had put in all its records before`)
    return resultOf(opened.run, { resumed: true, before, seconds: 0 })
  }
  if (opened.resumed) onNotice?.(`going on with run ${opened.run.runId}: ${before} records are in already`)
  const session =
    request.live === undefined
      ? new RunSession(request, opened, store, startedMs)
      : new LiveSession(request, request.live, opened, store, startedMs)
  const run = await session.work()
  return resultOf(run, { resumed: opened.resumed, before, seconds: (ports.clock.nowMs() - startedMs) / 1000 })
}

function planOf({ stream, sources, live, options = {} }: RunRequest): RunPlan {
  const names = sources.map((source) => (typeof source === 'string' ? source : source.name))
  const coded = typeof sources[0] === 'object'
  const { shuffleSeed, stampSeed, collector } = options
  return {
    stream: stream.name,
    sources: coded ? names : absoluteSources(names),
    loop: options.loop ?? false,
    ...(live !== undefined && { live: true }),
    ...(collector !== undefined && { collector }),
    ...(shuffleSeed !== undefined && { shuffleSeed }),
    ...(stampSeed !== undefined && { stampSeed }),
  }
}

function resultOf(
  run: RunRecord,
  { resumed, before, seconds }: { resumed: boolean; before: number; seconds: number },
): RunResult {
  const recordsIn = recordsLanded(run)
  return {
    runId: run.runId,
    recordsIn,
    ranges: run.landed.map(({ ranges }) => ranges),
    topic: run.topic,
    resumed,
    finished: run.state === 'finished',
    recordsInSession: recordsIn - before,
    seconds,
  }
}
