import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import { EnrichError, type Stream } from '../stream/define.ts'
import type { HistoryAsked, HistoryFound, ReadHistory } from '../stream/history.ts'
import type { LoadedTables } from '../stream/table.ts'
import type { Value } from '../stream/value.ts'
import { type Decision, decide, notEnriched } from './decide.ts'
import type { DeliveredRecord, InvocationContext } from './kafka-event.ts'

/** For the lookups of one batch. */
const READ_MS_MAX = 10_000
/** Kept of an invocation's time for scoring, appending and the answer. */
const AFTER_MS = 12_000
/** As many as an event has at most. */
const RECORDS_MAX = 10_000

/**
 * Enriches records from views: all lookups of a batch together, before any of its records is enriched.
 *
 * A view that cannot be read is no view without the key: the batch is delivered again until it can be. Enriched with
 * nothing the record would say for good that nothing was known of it, and nobody could tell such records from others later.
 * Where the time was too short for all lookups, half as many records are taken the next time, so that a batch of many keys
 * gets through in parts.
 */
export class HistoryLookups {
  readonly #read: ReadHistory
  readonly #clock: Clock
  #recordsMax = RECORDS_MAX
  #spentMs = 0

  constructor(read: ReadHistory, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** How many records of a batch to take next. */
  get recordsMax(): number {
    return this.#recordsMax
  }

  /** Time that lookups took since this was asked last. */
  takeSpentMs(): number {
    const spentMs = this.#spentMs
    this.#spentMs = 0
    return spentMs
  }

  /** As `decide`. Rejects where the lookups do. */
  async decide(
    stream: Stream,
    records: readonly DeliveredRecord[],
    tables: LoadedTables | undefined,
    context: InvocationContext,
  ): Promise<readonly Decision[]> {
    const { decisions, asked, places } = questionsOf(stream, records)
    const forMs = Math.min(READ_MS_MAX, context.getRemainingTimeInMillis() - AFTER_MS)
    const found = await this.#inTime(asked, records.length, this.#clock.nowMs() + forMs)
    const histories = new Map<number, Record<string, HistoryFound | undefined>>()
    const refused = new Map<number, EnrichError>()
    asked.forEach(({ name }, i) => {
      const place = places[i] ?? 0
      const one = found[i]
      const history = histories.get(place) ?? {}
      histories.set(place, history)
      if (one instanceof EnrichError) refused.set(place, one)
      else history[name] = one
    })
    return decisions.map((decision, i) =>
      enriched(decision, records[i], (value) => {
        const error = refused.get(i)
        if (error !== undefined) throw error
        return stream.enrich(value, tables, histories.get(i))
      }),
    )
  }

  async #inTime(asked: readonly HistoryAsked[], records: number, untilMs: number) {
    const startedMs = this.#clock.nowMs()
    try {
      const found = await this.#read(asked, untilMs)
      this.#recordsMax = Math.min(RECORDS_MAX, this.#recordsMax * 2)
      return found
    } catch (error) {
      if (error instanceof PortError && error.code === 'TIMEOUT')
        this.#recordsMax = Math.max(1, Math.floor(records / 2))
      throw error
    } finally {
      this.#spentMs += this.#clock.nowMs() - startedMs
    }
  }
}

/** Decisions before enrichment, what they ask for, and of each question which record asks it. */
function questionsOf(stream: Stream, records: readonly DeliveredRecord[]) {
  const definitions = Object.entries(stream.history)
  const asked: HistoryAsked[] = []
  const places: number[] = []
  const decisions = decide(stream, records, undefined, (value) => value).map((decision, i) => {
    if (decision.outcome !== 'ok') return decision
    const { value, eventTime: atMs = records[i]?.timestamp ?? 0 } = decision
    try {
      const keys = definitions.map(([name, { key }]) => ({ name, key: key(value) }))
      for (const { name, key } of keys)
        if (key !== undefined) {
          asked.push({ name, key, atMs })
          places.push(i)
        }
      return decision
    } catch (error) {
      return notEnriched(error, bytesOf(records[i]))
    }
  })
  return { decisions, asked, places }
}

function enriched(
  decision: Decision,
  record: DeliveredRecord | undefined,
  enrich: (value: Value) => Value,
): Decision {
  if (decision.outcome !== 'ok') return decision
  try {
    return { ...decision, value: enrich(decision.value) }
  } catch (error) {
    return notEnriched(error, bytesOf(record))
  }
}

function bytesOf(record: DeliveredRecord | undefined): Buffer {
  return Buffer.from(record?.value ?? '', 'base64')
}
