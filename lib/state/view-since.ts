import { PortError } from '../ports/errors.ts'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import type { View } from '../views/view.ts'
import { padded } from './padded.ts'
import type { Progress } from './progress.ts'

/** From where on the boards of a view version hold every record of a raw partition (rule 9 of docs/exactness.md). */
export interface ViewSince {
  /** Raw offset; 0: from the start. */
  readonly from: number
  /** Append time of the first record from there on, ms; undefined where none has been counted. */
  readonly sinceMs?: number
  /**
   * Boards may hold records below `from` as well, some and not others: the view was counted before, then for a while not,
   * as when a release is taken back.
   */
  readonly mixed: boolean
}

export interface RawPartition {
  readonly topic: string
  readonly partition: number
}

const TRIES_MAX = 20

/** How the progress of `count` names the views that it was moved with. */
export function versionName({ id, version }: View): string {
  return `${id}/${version}`
}

/**
 * Declares, before its first board, that a view is applied from `first.from` on; resolves with the offset from which on
 * it is: a later one where another writer has found that records have gone by without it. To be called by `count` while
 * the progress it has loaded was not moved with the view, so that a view left out for a while is always noticed.
 */
export async function declareSince(
  keyed: KeyedStore,
  view: View,
  at: RawPartition,
  first: ViewSince,
): Promise<number> {
  let result = await keyed.put(itemOf(view, at, first), 'absent')
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    if (result.ok) return first.from
    if (result.current === undefined) break
    const stands = sinceOf(result.current)
    if (stands.from >= first.from) return stands.from
    result = await keyed.put(itemOf(view, at, { ...first, mixed: true }), { rev: result.current.rev })
  }
  throw new PortError('THROTTLED', `${sinceKey(view)} changed ${TRIES_MAX} times under one write`, {
    curable: true,
  })
}

/** What has been declared for a view, by `sinceId` of the raw partition. */
export async function readSinces(keyed: KeyedStore, view: View): Promise<ReadonlyMap<string, ViewSince>> {
  const all = new Map<string, ViewSince>()
  for await (const item of keyed.query(sinceKey(view))) all.set(item.sk, sinceOf(item))
  return all
}

export function sinceId({ topic, partition }: RawPartition): string {
  return `${topic}/${padded(partition)}`
}

/**
 * What the boards of a view hold of a partition, given the progress of `count` and what has been declared, read after it.
 * A view that the progress was moved without is missing at least up to there.
 */
export function coverage(view: View, progress: Progress, declared: ViewSince | undefined): ViewSince {
  const counted = progress.highestOrigin + 1
  if (declared === undefined) return { from: counted, mixed: counted > 0 }
  const running = progress.views?.includes(versionName(view)) === true
  return running || declared.from >= counted ? declared : { from: counted, mixed: true }
}

function itemOf(view: View, at: RawPartition, since: ViewSince): Item {
  const data = Buffer.from(JSON.stringify(since))
  return { pk: sinceKey(view), sk: sinceId(at), rev: String(since.from), data }
}

function sinceOf({ data }: Item): ViewSince {
  return JSON.parse(Buffer.from(data).toString()) as ViewSince
}

function sinceKey(view: View): string {
  return `view-since/${versionName(view)}`
}
