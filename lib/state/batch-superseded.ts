import type { ConditionalPut, KeyedStore } from '../ports/keyed-store.ts'
import { type BatchPointer, batchKey } from './batch-pointer.ts'
import { padded } from './padded.ts'

/**
 * Pointers that were replaced, each with the time: queries that read one before may still go by it, so what it refers to
 * and the boards from its horizons on stay for a time of grace.
 */
export interface Superseded {
  readonly pointer: BatchPointer
  readonly replacedMs: number
}

const PREFIX = 'superseded/'

export function supersededPut(stream: string, superseded: Superseded): ConditionalPut {
  const { replacedMs, pointer } = superseded
  const sk = `${PREFIX}${padded(replacedMs)}/${pointer.run}`
  const data = Buffer.from(JSON.stringify(superseded))
  return { item: { pk: batchKey(stream), sk, rev: String(replacedMs), data }, condition: 'any' }
}

/** In order of time. */
export async function readSuperseded(keyed: KeyedStore, stream: string): Promise<readonly Superseded[]> {
  const all: Superseded[] = []
  const range = { from: PREFIX, to: `${PREFIX}~` }
  for await (const { data } of keyed.query(batchKey(stream), range))
    all.push(JSON.parse(Buffer.from(data).toString()) as Superseded)
  return all
}

export async function forgetSuperseded(
  keyed: KeyedStore,
  stream: string,
  { replacedMs, pointer }: Superseded,
): Promise<void> {
  await keyed.delete(batchKey(stream), `${PREFIX}${padded(replacedMs)}/${pointer.run}`, 'any')
}
