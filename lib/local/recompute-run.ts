import { readFileSync } from 'node:fs'
import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions'
import type { RunResult } from '../batch/run-result.ts'
import { type BatchSettings, batchSettings, LOCAL } from '../batch/settings.ts'
import { type BatchSteps, batchSteps, type PlanEvent, type StepHooks } from '../batch/steps.ts'
import type { Ports } from '../ports/ports.ts'
import { keepLease } from '../state/batch-run.ts'
import type { Stream } from '../stream/define.ts'

/** The definition that Step Functions runs in a deployment. */
const DEFINITION = new URL('../infra/recompute.asl.json', import.meta.url)

export interface RecomputeOptions extends StepHooks {
  readonly run: string
  readonly full?: boolean
  readonly settings?: BatchSettings
  /** How long to wait for the master to catch up with the log. */
  readonly waitMs?: number
  /** Told what the run is at. */
  readonly onStep?: (step: StepProgress) => void
  /** Put in the place of the steps, to look on or to interfere. */
  readonly wrap?: (steps: BatchSteps) => BatchSteps
}

export interface StepProgress {
  readonly step: 'plan' | 'recompute' | 'merge' | 'publish' | 'expire'
  readonly done: number
  readonly of: number
}

const WAIT_MS = 60_000
const STEP_MS = 15 * 60_000
/** Between the tries of a step that fails. */
const RETRY_MS = 200

/**
 * Runs the state machine of a recompute in this process: the same definition and the same steps as in a deployment. The
 * process may be killed at any moment: the same run id goes on where it was, and without it the next run takes over once
 * the lease has run out. Rejects with the error of the step that failed.
 */
export async function runRecompute(
  ports: Ports,
  stream: Stream,
  options: RecomputeOptions,
): Promise<RunResult> {
  const settings = options.settings ?? batchSettings(process.env, LOCAL)
  const own = batchSteps(ports, () => stream, settings, options)
  const steps = options.wrap?.(own) ?? own
  const machine = new StateMachine(definition())
  const { run, full } = options
  const failure: { error?: unknown } = {}
  const handlers = handlersOf(steps, options, ports, failure)
  const beat = heartbeat(ports, stream.name, run, settings)
  const input = { stream: stream.name, run, ...(full === undefined ? {} : { full }) }
  try {
    const { result } = machine.run(input, {
      overrides: {
        taskResourceLocalHandlers: handlers as never,
        retryIntervalOverrides: Object.fromEntries(Object.keys(handlers).map((name) => [name, RETRY_MS])),
      },
      context: { Execution: { Name: run } },
    })
    return (await result) as unknown as RunResult
  } catch (error) {
    throw failure.error ?? error
  } finally {
    clearInterval(beat)
  }
}

/** As it is deployed; of functions that are never asked for, some names. */
function definition(): StateMachineDefinition {
  const text = readFileSync(DEFINITION, 'utf8').replace(
    /\$\{(\w+)FunctionArn\}/g,
    'arn:aws:lambda:us-east-1:000000000000:function:$1',
  )
  return JSON.parse(text) as StateMachineDefinition
}

type Handler = (event: never) => Promise<unknown>

/** The steps by the names of their states. Children run one at a time: they share this process. */
function handlersOf(
  steps: BatchSteps,
  { waitMs = WAIT_MS, onStep }: RecomputeOptions,
  { clock }: Pick<Ports, 'clock'>,
  failure: { error?: unknown },
): Readonly<Record<string, Handler>> {
  const counts = { recompute: { done: 0, of: 0 }, merge: { done: 0, of: 0 } }
  const noting =
    <E, T>(handler: (event: E) => Promise<T>) =>
    async (event: E): Promise<T> => {
      try {
        return await handler(event)
      } catch (error) {
        failure.error = error
        throw error
      }
    }
  const oneByOne = queue()
  const child =
    <E>(step: 'recompute' | 'merge', handler: (event: E) => Promise<unknown>) =>
    (event: E) =>
      oneByOne(async () => {
        await handler(event)
        const count = counts[step]
        onStep?.({ step, done: ++count.done, of: count.of })
        return null
      })
  // All tries of the plan together wait this long; a step keeps half a minute for itself.
  const deadlineMs = clock.nowMs() + waitMs + 30_000
  return {
    Plan: noting(async (event: PlanEvent) => {
      onStep?.({ step: 'plan', done: 0, of: 1 })
      const planned = await steps.plan(event, deadlineMs)
      counts.recompute.of = planned.shards.length
      return planned
    }),
    RecomputeShard: noting(child('recompute', steps.recompute)),
    PlanMerge: noting(async (event: Parameters<BatchSteps['merge']>[0]) => {
      const planned = await steps.merge(event)
      counts.merge.of = planned?.parts.length ?? 0
      return planned
    }),
    MergePart: noting(child('merge', steps.merge)),
    Publish: noting(async (event: Parameters<BatchSteps['publish']>[0]) => {
      onStep?.({ step: 'publish', done: 0, of: 1 })
      return steps.publish(event)
    }),
    Expire: noting(async (event: Parameters<BatchSteps['expire']>[0]) => {
      onStep?.({ step: 'expire', done: 0, of: 1 })
      return steps.expire(event, clock.nowMs() + STEP_MS)
    }),
    Abandon: (event: Parameters<BatchSteps['expire']>[0]) => steps.expire(event, clock.nowMs() + STEP_MS),
  }
}

function queue() {
  let last: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const next = last.then(work, work)
    last = next.catch(() => undefined)
    return next
  }
}

/** Keeps a short lease through a long step. Until the lease is taken, and after it is lost, there is nothing to keep. */
function heartbeat(ports: Ports, stream: string, run: string, { leaseMs }: BatchSettings): NodeJS.Timeout {
  const keep = () => void keepLease(ports, stream, run, leaseMs).catch(() => undefined)
  const timer = setInterval(keep, Math.max(100, leaseMs / 4))
  timer.unref()
  return timer
}
