/** Offsets [from, to) that an event delivered of one partition. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

/** What one partition of an event held; by "topic-partition". */
export type Delivered = ReadonlyMap<string, { readonly stretches: readonly Stretch[] }>

/** An answer that cannot be acted on. As Lambda does with one, the whole batch comes again. */
export class BadAnswerError extends Error {
  override readonly name = 'BadAnswerError'
}

/**
 * The first offset to deliver again of each partition that the function's answer names; a partition that is not in the
 * result has been answered for. No answer, or one without failures, is success, as Lambda has it.
 *
 * Throws a BadAnswerError where the answer has another shape or names what was not delivered: nobody can tell then what
 * has been done, and a guess would pass records over.
 */
export function failedFrom(answer: unknown, delivered: Delivered): ReadonlyMap<string, number> {
  const failed = new Map<string, number>()
  for (const item of failuresOf(answer)) {
    const { partition, offset } = identifierOf(item)
    const held = delivered.get(partition)
    if (held === undefined) throw new BadAnswerError(`${BAD} names partition ${quoted(partition)}, ${NOT}`)
    if (!held.stretches.some(({ from, to }) => from <= offset && offset < to))
      throw new BadAnswerError(`${BAD} names offset ${offset} of ${partition}, ${NOT}`)
    // Everything from the first failure on comes again: partitions keep their order.
    failed.set(partition, Math.min(offset, failed.get(partition) ?? offset))
  }
  return failed
}

const BAD = "the function's answer"
const NOT = 'which was not delivered; the whole batch comes again'

function failuresOf(answer: unknown): readonly unknown[] {
  if (answer === undefined || answer === null) return []
  if (typeof answer !== 'object') throw new BadAnswerError(`${BAD} is not an object`)
  const failures = 'batchItemFailures' in answer ? answer.batchItemFailures : undefined
  if (failures === undefined || failures === null) return []
  if (!Array.isArray(failures)) throw new BadAnswerError(`${BAD}: batchItemFailures is not a list`)
  return failures
}

function identifierOf(item: unknown): { readonly partition: string; readonly offset: number } {
  const { itemIdentifier } = (item ?? {}) as { itemIdentifier?: unknown }
  const { partition, offset } = (itemIdentifier ?? {}) as { partition?: unknown; offset?: unknown }
  if (typeof partition !== 'string' || typeof offset !== 'number' || !Number.isSafeInteger(offset))
    throw new BadAnswerError(`${BAD}: an itemIdentifier needs a partition and an offset`)
  return { partition, offset }
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 300))
}
