import { EnrichError, type Stream } from '../stream/define.ts'
import type { Scorer } from '../stream/detector.ts'
import type { DeadEntry } from '../stream/entry.ts'
import { POINTER_HEADER, type RawPointer } from '../stream/entry.ts'
import type { LoadedTables } from '../stream/table.ts'
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

const NO_FIELDS: Value = {}

/**
 * Decides about each record, in order; nothing a record holds makes this throw. `enrich`: the stream's own, with its
 * reference tables; another one where that has to wait (history.ts).
 */
export function decide(
  stream: Stream,
  records: readonly DeliveredRecord[],
  tables?: LoadedTables,
  enrich = (value: Value): Value => stream.enrich(value, tables),
): readonly Decision[] {
  const { slab, bounds } = decodeValues(records)
  return records.map((record, i) => {
    const bytes = slab.subarray(bounds[i], bounds[i + 1])
    if (record.headers !== undefined && record.headers.length > 0) {
      const pointer = headerOf(record, POINTER_HEADER)
      if (pointer !== undefined) return oversized(stream, bytes)
    }
    return decideOne(stream, bytes, record.timestamp, enrich)
  })
}

function decideOne(
  stream: Stream,
  bytes: Buffer,
  appendTimeMs: number,
  enrich: (value: Value) => Value,
): Decision {
  const parsed = stream.parse(bytes)
  if (!parsed.ok) {
    if (parsed.stage === 'skip')
      return { outcome: 'drop', eventTime: undefined, rule: parsed.reason, value: NO_FIELDS }
    return dead(parsed.stage, parsed.reason, bytes)
  }
  try {
    const eventTime = stream.timeOf(parsed.value, appendTimeMs)
    const rule = stream.dropRule(parsed.value)
    if (rule !== undefined) return { outcome: 'drop', eventTime, rule, value: parsed.value }
    return { outcome: 'ok', eventTime, value: enrich(parsed.value) }
  } catch (error) {
    return notEnriched(error, bytes)
  }
}

/** A dead letter for a record on which the stream's own code failed. Its message may quote the record: only its kind is kept. */
export function notEnriched(error: unknown, bytes: Buffer): Decision {
  const reason = error instanceof EnrichError ? error.message : `the stream's own code threw ${kindOf(error)}`
  return dead('enrich', reason, bytes)
}

/** A dead letter for a record that was not processed at all. */
export function setAside(record: DeliveredRecord): Decision {
  const bytes = Buffer.from(record.value ?? '', 'base64')
  return dead('guard', 'the function died on this record alone; it was set aside unprocessed', bytes)
}

/** Anybody may append a record with the header: what it points to is believed only where the collector would put it. */
function oversized(stream: Stream, bytes: Buffer): Decision {
  const raw = pointerOf(bytes)
  if (raw === undefined || !raw.key.startsWith(`large/${stream.name}/`))
    return dead('parse', `the header ${POINTER_HEADER} stands on a record that is no pointer`, bytes)
  return {
    outcome: 'dead',
    stage: 'size',
    reason: `record of ${raw.sizeBytes} bytes is larger than the log takes`,
    raw,
  }
}

function pointerOf(bytes: Buffer): RawPointer | undefined {
  try {
    const { key, sizeBytes, sha256 } = JSON.parse(bytes.toString()) as Partial<
      Record<keyof RawPointer, unknown>
    >
    if (typeof key !== 'string' || typeof sizeBytes !== 'number' || typeof sha256 !== 'string')
      return undefined
    return { key, sizeBytes, sha256 }
  } catch {
    return undefined
  }
}

function dead(stage: DeadEntry['stage'], reason: string, bytes: Buffer): Decision {
  return { outcome: 'dead', stage, reason, raw: bytes.toString('base64') }
}

function kindOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

/** Decisions with their scores, by position. A score is NaN where there is none: not ok, or no model. */
export interface Scored {
  readonly decisions: readonly Decision[]
  readonly scores: Float64Array
}

/** A record on which the model throws becomes a dead letter; the others are scored. */
export function scoreAll(
  scorer: Scorer | undefined,
  decisions: readonly Decision[],
  records: readonly DeliveredRecord[],
): Scored {
  const scores = new Float64Array(decisions.length).fill(Number.NaN)
  if (scorer === undefined) return { decisions, scores }
  const at: number[] = []
  const values: Value[] = []
  decisions.forEach((decision, i) => {
    if (decision.outcome !== 'ok') return
    at.push(i)
    values.push(decision.value)
  })
  try {
    const described = values.map((value) => scorer.describe?.(value) ?? value)
    scorer.scores(described).forEach((score, i) => {
      scores[at[i] ?? 0] = rounded(score)
    })
    if (scorer.describe === undefined) return { decisions, scores }
    const after = [...decisions]
    at.forEach((index, i) => {
      after[index] = withValue(decisions[index] as Decision, described[i])
    })
    return { decisions: after, scores }
  } catch {
    return {
      decisions: decisions.map((decision, i) => scoreOne(scorer, decision, records[i], scores, i)),
      scores,
    }
  }
}

/** The way of a batch that holds a record the model cannot take. */
function scoreOne(
  scorer: Scorer,
  decision: Decision,
  record: DeliveredRecord | undefined,
  scores: Float64Array,
  i: number,
): Decision {
  if (decision.outcome !== 'ok') return decision
  try {
    const value = scorer.describe?.(decision.value) ?? decision.value
    scores[i] = rounded(scorer.scores([value])[0] ?? Number.NaN)
    return withValue(decision, value)
  } catch (error) {
    const bytes = Buffer.from(record?.value ?? '', 'base64')
    return dead('score', `model ${scorer.version} threw ${kindOf(error)}`, bytes)
  }
}

function withValue(decision: Decision, value: Value | undefined): Decision {
  return decision.outcome === 'ok' && value !== undefined ? { ...decision, value } : decision
}

/** Six decimals: what is stored is what is compared, on every machine and after every retry. */
function rounded(score: number): number {
  return Math.round(score * 1e6) / 1e6
}
