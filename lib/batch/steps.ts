import { writeSymlinkManifests } from '../master/symlinks.ts'
import type { Ports } from '../ports/ports.ts'
import { keepLease, RunRefusedError, releaseLease } from '../state/batch-run.ts'
import { versionName } from '../state/view-since.ts'
import type { Stream } from '../stream/define.ts'
import { type Expired, expireStream } from './expire.ts'
import type { Waiting } from './frontier.ts'
import { type MergeStep, mergePart } from './merge.ts'
import { planRun } from './plan.ts'
import { planMerge } from './plan-merge.ts'
import { publishRun, viewsOf } from './publish.ts'
import { type RecomputeStep, recomputeShard } from './recompute.ts'
import type { RunStep } from './run-plan.ts'
import type { RunResult } from './run-result.ts'
import type { BatchSettings } from './settings.ts'

/**
 * The steps of a recompute as the state machine calls them (lib/infra/recompute.asl.json): each may be run again at any
 * time, from any place, and does what is left to do. What they hand on are names; the rest lies in the object store.
 */
export interface BatchSteps {
  plan(event: PlanEvent, deadlineMs: number): Promise<Planned>
  recompute(event: RecomputeStep): Promise<null>
  /** Without a part: which parts there are. */
  merge(event: RunStep & { readonly part?: string }): Promise<{ readonly parts: readonly MergeStep[] } | null>
  publish(event: RunStep): Promise<RunResult>
  /** `abandon`: the run has failed, and only gives its lease back. */
  expire(event: RunStep & { readonly abandon?: boolean }, deadlineMs: number): Promise<Expired | null>
}

/** What the state machine passes: its input, and the name of its execution. */
export interface PlanEvent {
  readonly input: { readonly stream: string; readonly run?: string; readonly full?: boolean }
  readonly execution: string
}

export interface Planned extends RunStep {
  /** The run has ended before: what it published is all there is to say. */
  readonly ended: boolean
  readonly shards: readonly RecomputeStep[]
}

export interface StepHooks {
  readonly onWait?: (waiting: Waiting) => void
  readonly onRows?: (rows: number) => void
}

/** Before its deadline a step must have sent its last request. */
const SPARE_MS = 30_000

export function batchSteps(
  ports: Ports,
  streamNamed: (name: string) => Stream,
  { slackMs, graceMs, leaseMs }: BatchSettings,
  hooks: StepHooks = {},
): BatchSteps {
  const keep = ({ stream, run }: RunStep) => keepLease(ports, stream, run, leaseMs)
  return {
    async plan({ input, execution }, deadlineMs) {
      const step = { stream: input.stream, run: runId(input.run ?? execution) }
      const full = input.full === true
      const untilMs = deadlineMs - SPARE_MS
      const options = { full, slackMs, leaseMs, untilMs, ...hooks }
      const plan = await planRun(ports, streamNamed(step.stream), step, options).catch(async (error) => {
        // Nobody else should have to wait for a run that could not begin.
        if (!(error instanceof RunRefusedError)) await releaseLease(ports, step.stream, step.run)
        throw error
      })
      const shards = (plan?.groups ?? []).flatMap((group) => group.shards)
      return {
        ...step,
        ended: plan === undefined,
        shards: [...new Set(shards)].map((shard) => ({ ...step, shard })),
      }
    },
    async recompute(step) {
      await keep(step)
      await recomputeShard(ports.objects, step, hooks)
      return null
    },
    async merge({ part, ...step }) {
      await keep(step)
      if (part !== undefined) {
        await mergePart(ports, { ...step, part })
        return null
      }
      const { parts } = await planMerge(ports.objects, step)
      return { parts: parts.map((name) => ({ ...step, part: name })) }
    },
    async publish(step) {
      const result = await publishRun(ports, streamNamed(step.stream), step, { leaseMs })
      // So that Athena sees at least what the views hold. After the pointer: a failure here is made up for by a retry.
      await writeSymlinkManifests(ports.objects, step.stream, ports.clock)
      ports.metrics.record({ stage: 'publish', stream: step.stream, figures: figuresOf(result) })
      return result
    },
    async expire({ abandon, ...step }, deadlineMs) {
      if (abandon !== true)
        return expireStream(ports, step, {
          ...{ graceMs, leaseMs, untilMs: deadlineMs - SPARE_MS },
          declared: viewsOf(streamNamed(step.stream)).map(versionName),
        })
      await releaseLease(ports, step.stream, step.run)
      return null
    },
  }
}

/**
 * `horizonAgeMs`: how long there has been something that is not in the batch views. Of a stream that has been idle that is
 * since the run was planned, not since its last epoch.
 */
function figuresOf({ endedMs, plannedMs, horizon, epochMs, views, late, complete }: RunResult) {
  return {
    horizonAgeMs: endedMs - (complete === true ? plannedMs : horizon * epochMs),
    durationMs: endedMs - plannedMs,
    records: views.reduce((most, view) => Math.max(most, view.records), 0),
    lateRecords: late.reduce((sum, { records }) => sum + records, 0),
    viewsLeft: views.filter(({ mode }) => mode === 'left').length,
  }
}

/** Run ids are parts of object keys. Throws a RangeError on what cannot be one. */
export function runId(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(text)) return text
  throw new RangeError(
    `a run id is up to 100 letters, digits, dots, dashes and underscores, got ${JSON.stringify(text)}`,
  )
}
