import type { Stream } from '../stream/define.ts'
import type { Scorer } from '../stream/detector.ts'
import type { DeadEntry } from '../stream/entry.ts'
import { POINTER_HEADER, type RawPointer } from '../stream/entry.ts'
import type { Value } from '../stream/value.ts'
import { type DeliveredRecord, decodeValues, headerOf } from './kafka-event.ts'

/** What becomes of one raw record: an entry without its origin. */
export type Decision =
  | { readonly outcome: 'ok'; readonly eventTime: number | undefined; readonly value: Value }
  | {
      readonly outcome: 'drop'
      readonly eventTime: number | undefined
      readonly rule: string
      readonly value: Value
    }
  | Pick<DeadEntry, 'outcome' | 'stage' | 'reason' | 'raw'>

/** Decides about each record, in order; nothing a record holds makes this throw. */
export function decide(stream: Stream, records: readonly DeliveredRecord[]): readonly Decision[] {
  const { slab, bounds } = decodeValues(records)
  return records.map((record, i) => {
    const bytes = slab.subarray(bounds[i], bounds[i + 1])
    if (record.headers !== undefined && record.headers.length > 0) {
      const pointer = headerOf(record, POINTER_HEADER)
      if (pointer !== undefined) return oversized(bytes)
    }
    return decideOne(stream, bytes)
  })
}

function decideOne(stream: Stream, bytes: Buffer): Decision {
  const parsed = stream.parse(bytes)
  if (!parsed.ok) return dead(parsed.stage, parsed.reason, bytes)
  try {
    const eventTime = stream.timeOf(parsed.value)
    const rule = stream.dropRule(parsed.value)
    if (rule !== undefined) return { outcome: 'drop', eventTime, rule, value: parsed.value }
    return { outcome: 'ok', eventTime, value: stream.enrich(parsed.value) }
  } catch (error) {
    // The stream's own code failed on this record. Its message may quote the record, so only its kind is kept.
    return dead('enrich', `the stream's own code threw ${kindOf(error)}`, bytes)
  }
}

/** A dead letter for a record that was not processed at all. */
export function setAside(record: DeliveredRecord): Decision {
  const bytes = Buffer.from(record.value ?? '', 'base64')
  return dead('guard', 'the function died on this record alone; it was set aside unprocessed', bytes)
}

function oversized(bytes: Buffer): Decision {
  const pointer = JSON.parse(bytes.toString()) as RawPointer
  const reason = `record of ${pointer.sizeBytes} bytes is larger than the log takes`
  return { outcome: 'dead', stage: 'size', reason, raw: pointer }
}

function dead(stage: DeadEntry['stage'], reason: string, bytes: Buffer): Decision {
  return { outcome: 'dead', stage, reason, raw: bytes.toString('base64') }
}

function kindOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

/** Scores by position in `decisions`; NaN where there is no score: not ok, no model, or the model failed on it. */
export function scoreAll(scorer: Scorer | undefined, decisions: readonly Decision[]): Float64Array {
  const all = new Float64Array(decisions.length).fill(Number.NaN)
  if (scorer === undefined) return all
  const at: number[] = []
  const values: Value[] = []
  decisions.forEach((decision, i) => {
    if (decision.outcome !== 'ok') return
    at.push(i)
    values.push(decision.value)
  })
  // Six decimals: what is stored is what is compared, on every machine and after every retry.
  scorer.scores(values).forEach((score, i) => {
    all[at[i] ?? 0] = Math.round(score * 1e6) / 1e6
  })
  return all
}
