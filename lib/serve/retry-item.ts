import type { Condition, KeyedStore } from '../ports/keyed-store.ts'

/** How far the retry of a dead letter is: what makes it happen once, whatever is killed on the way. */
export interface Retry {
  /** Where the bytes are appended again. */
  readonly topic: string
  readonly partition: number
  /** End of the partition before the first attempt: the new record lies there or above. */
  readonly fromOffset: number
  /** When it was first asked for. */
  readonly startedMs: number
  /** Offset of the new record, once it is known. */
  readonly newOffset?: number
}

export interface StoredRetry {
  readonly retry: Retry
  readonly rev: string
}

export async function readRetry(
  keyed: KeyedStore,
  stream: string,
  id: string,
): Promise<StoredRetry | undefined> {
  const item = await keyed.get(partitionKey(stream), id)
  return item === undefined ? undefined : { retry: fromBytes(item.data), rev: item.rev }
}

/** Stores it where the condition holds. Resolves with what stands now, and whether that is what was given. */
export async function putRetry(
  keyed: KeyedStore,
  stream: string,
  id: string,
  stored: StoredRetry,
  condition: Condition,
): Promise<{ readonly ok: boolean; readonly stands: StoredRetry | undefined }> {
  const data = Buffer.from(JSON.stringify(stored.retry))
  const result = await keyed.put({ pk: partitionKey(stream), sk: id, rev: stored.rev, data }, condition)
  if (result.ok) return { ok: true, stands: stored }
  const { current } = result
  return {
    ok: false,
    stands: current === undefined ? undefined : { retry: fromBytes(current.data), rev: current.rev },
  }
}

function fromBytes(data: Uint8Array): Retry {
  return JSON.parse(Buffer.from(data).toString()) as Retry
}

function partitionKey(stream: string): string {
  return `retry/${stream}`
}
