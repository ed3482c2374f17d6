import type { KeyedStore } from '../ports/keyed-store.ts'

/**
 * How far a consumer of an enriched partition is (rule 4 of docs/exactness.md).
 *
 * An enriched partition may hold an origin twice (a batch scored again after a lost answer), but what has landed is
 * always closed downwards. So a reader that remembers the highest origin it has taken needs nothing else to take every
 * origin exactly once.
 */
export interface Progress {
  /** Everything below this offset of the enriched partition has been taken in. */
  readonly nextOffset: number
  /** Highest offset of the raw partition taken; -1 before the first. */
  readonly highestOrigin: number
  /** Of `count` alone: the view versions it was moved with (view-since.ts). */
  readonly views?: readonly string[]
  /** Of `count` alone: how far the time of its records has come. */
  readonly newest?: Newest
}

export interface Newest {
  /**
   * The greatest event time of the partition's good records, ms. One later than its append time is taken for that: a record
   * that says it is of next year must not make everyone else's late.
   */
  readonly eventTimeMs: number
  /** When such a record last came, by the clock of who moved the progress, ms. */
  readonly atMs: number
}

export const NO_PROGRESS: Progress = { nextOffset: 0, highestOrigin: -1 }

/** A stage's progress on one enriched partition, read strongly consistent. */
export async function readProgress(
  keyed: KeyedStore,
  stage: string,
  topic: string,
  partition: number,
): Promise<Progress> {
  const item = await keyed.get(progressKey(stage, topic), String(partition))
  return item === undefined ? NO_PROGRESS : (JSON.parse(Buffer.from(item.data).toString()) as Progress)
}

/** A stage's progress on every partition of a topic that it has begun, by partition. */
export async function readAllProgress(
  keyed: KeyedStore,
  stage: string,
  topic: string,
): Promise<ReadonlyMap<number, Progress>> {
  const all = new Map<number, Progress>()
  for await (const { sk, data } of keyed.query(progressKey(stage, topic)))
    all.set(Number(sk), JSON.parse(Buffer.from(data).toString()) as Progress)
  return all
}

/** Moves progress from `before` to `after`; false where it is no longer `before`. */
export async function moveProgress(
  keyed: KeyedStore,
  at: { readonly stage: string; readonly topic: string; readonly partition: number },
  before: Progress,
  after: Progress,
): Promise<boolean> {
  const { item, condition } = progressPut(at, before, after)
  return (await keyed.put(item, condition)).ok
}

/** The conditional put that `moveProgress` makes, for a stage that commits it together with other items. */
export function progressPut(
  at: { readonly stage: string; readonly topic: string; readonly partition: number },
  before: Progress,
  after: Progress,
) {
  const item = {
    pk: progressKey(at.stage, at.topic),
    sk: String(at.partition),
    rev: String(after.nextOffset),
    data: Buffer.from(JSON.stringify(after)),
  }
  const condition = before.nextOffset === 0 ? ('absent' as const) : { rev: String(before.nextOffset) }
  return { item, condition }
}

function progressKey(stage: string, topic: string): string {
  return `progress/${stage}/${topic}`
}
