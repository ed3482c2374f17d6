import type { Value } from '../../lib/stream/value.ts'
import { type AggregateDefinition, fieldsOfAggregate } from '../../lib/stream/view-definition.ts'
import { aggregateOf } from '../../lib/views/aggregate.ts'
import { hashWords } from '../../lib/views/hash.ts'

/** A record as an aggregate sees it: its fields, and where it came from. */
export interface Sample {
  readonly value: Value
  readonly offset: number
}

export function originOf(offset: number): number {
  return hashWords(offset, 0, 1)
}

/** The state of some records, folded one by one. */
export function foldSamples(definition: AggregateDefinition, samples: readonly Sample[]): unknown {
  const aggregate = aggregateOf(definition)
  const fold = aggregate.fold(aggregate.empty)
  const fields = fieldsOfAggregate(definition)
  for (const { value, offset } of samples)
    fold.add(
      fields.map((field) => [value[field]]),
      0,
      originOf(offset),
    )
  return fold.state()
}

/** The stored form, as text: what the laws compare, to the byte. */
export function stored(definition: AggregateDefinition, state: unknown): string {
  return JSON.stringify(aggregateOf(definition).toJson(state))
}

export function samplesOf(field: string, values: readonly unknown[]): Sample[] {
  return values.map((x, offset) => ({ value: { [field]: x }, offset }))
}
