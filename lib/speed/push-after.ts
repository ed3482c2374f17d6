import type { Ports } from '../ports/ports.ts'
import { type KafkaHandler, partitionsOf } from './kafka-event.ts'
import { reportFailure } from './report-failure.ts'

/** Kept of an invocation's time for the answer. */
const ANSWER_MS = 3_000
/** Pushing is the smaller part of the work: it never holds up a partition for longer. */
const PUSH_MS_MAX = 3_000

/** Frames sent, and connections not brought up to the end of the log: the next invocation goes on with them. */
export interface PushFigures {
  readonly frames: number
  readonly behind: number
}

/**
 * Sends to subscribers what the log of alerts holds. `partitions` names what this invocation works on: whoever worked
 * on one of them before has ended. Injected, because subscribers are the business of lib/serve.
 */
export type PushAlerts = (partitions: readonly string[], untilMs: number) => Promise<PushFigures>

/**
 * The handler of a stage that stores alerts, followed by pushing them: whoever appends to an alert log pushes. It does so
 * after every batch, also after one without alerts or one delivered again: so what an invocation stored before it died is
 * sent by its successor. Trouble with pushing fails no batch: subscribers have their positions and are served later, and
 * the log must go on.
 */
export function pushAfter(
  stream: string,
  ports: Pick<Ports, 'clock' | 'metrics'>,
  store: KafkaHandler,
  push: PushAlerts,
): KafkaHandler {
  return async (event, context) => {
    const answer = await store(event, context)
    const remainingMs = context.getRemainingTimeInMillis() - ANSWER_MS
    const untilMs = ports.clock.nowMs() + Math.min(remainingMs, PUSH_MS_MAX)
    const partitions = partitionsOf(event).map(({ name }) => name)
    try {
      const { frames, behind } = await push(partitions, untilMs)
      if (frames + behind > 0) ports.metrics.record({ stage: 'push', stream, figures: { frames, behind } })
    } catch (error) {
      reportFailure('push', stream, 0, error)
    }
    return answer
  }
}
