import type { Scorer } from '../stream/detector.ts'
import type { Decision } from './decide.ts'
import type { DeliveredRecord } from './kafka-event.ts'

/** Writes entries of one raw partition as `writeEntry` would, with the part that never changes made once. */
export class EntryWriter {
  readonly #head: string

  constructor(origin: { readonly site: string; readonly topic: string; readonly partition: number }) {
    const { site, topic, partition } = origin
    this.#head = `${JSON.stringify({ site, topic, partition }).slice(0, -1)},"offset":`
  }

  /** `score`: NaN where there is none. */
  write(record: DeliveredRecord, decision: Decision, score: number, scorer: Scorer | undefined): string {
    const eventTime = (decision.outcome === 'dead' ? undefined : decision.eventTime) ?? record.timestamp
    const head = `${this.#head}${record.offset},"appendTime":${record.timestamp},"eventTime":${eventTime}`
    if (decision.outcome === 'ok') {
      const verdict =
        scorer === undefined || Number.isNaN(score) ? '' : verdictText(scorer, score, decision.value)
      return `${head},"outcome":"ok"${verdict},"value":${JSON.stringify(decision.value)}}`
    }
    if (decision.outcome === 'drop') {
      const { rule, value } = decision
      return `${head},${JSON.stringify({ outcome: 'drop', rule, value }).slice(1)}`
    }
    const { stage, reason, raw } = decision
    return `${head},${JSON.stringify({ outcome: 'dead', stage, reason, raw }).slice(1)}`
  }
}

function verdictText(scorer: Scorer, score: number, value: Parameters<Scorer['reasons']>[0]): string {
  const text = `,"score":${score},"threshold":${scorer.threshold},"model":${JSON.stringify(scorer.version)}`
  const severity = scorer.severity(score)
  if (severity === undefined) return text
  return `${text},"severity":"${severity}","reasons":${JSON.stringify(reasonsOf(scorer, value))}`
}

/** An alert without its reasons is worth more than none. */
function reasonsOf(scorer: Scorer, value: Parameters<Scorer['reasons']>[0]): ReturnType<Scorer['reasons']> {
  try {
    return scorer.reasons(value)
  } catch {
    return []
  }
}
