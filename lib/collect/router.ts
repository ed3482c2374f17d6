import type { ObjectStore } from '../ports/object-store.ts'
import type { Stream } from '../stream/define.ts'
import { POINTER_HEADER, type RawPointer } from '../stream/entry.ts'
import { partitionOf } from '../stream/partition.ts'
import type { Header } from '../stream/record-batch.ts'
import { LargeRecordWriter } from './large-record.ts'
import type { Place } from './place.ts'

/** Records in a row that go to one partition where the stream has no key: enough for a batch, few enough to be even. */
const RUN_OF_RECORDS = 1000

/** Where a record goes. */
export interface Route {
  readonly partition: number
  readonly key: Uint8Array | null
}

const NO_HEADERS: readonly Header[] = []
const POINTER_HEADERS: readonly Header[] = [{ name: POINTER_HEADER, value: Buffer.from('1') }]

/** A record as it goes into the log. */
export interface RawRecord {
  readonly value: Uint8Array
  readonly headers: readonly Header[]
}

/** Decides where each record of a run goes: from the record and its place alone, so the same after every restart. */
export class Router {
  readonly #stream: Pick<Stream, 'hasKey' | 'parse' | 'keyOf'>
  readonly #partitions: number

  constructor(stream: Pick<Stream, 'hasKey' | 'parse' | 'keyOf'>, partitions: number) {
    this.#stream = stream
    this.#partitions = partitions
  }

  /** By key where the stream has one and the record says it; otherwise by place. */
  route(bytes: Buffer, place: Place, stride?: number): Route {
    const key = this.#stream.hasKey ? this.#keyOf(bytes) : undefined
    if (key === undefined) return this.byPlace(place, stride)
    const keyBytes = Buffer.from(key)
    return { partition: partitionOf(keyBytes, this.#partitions), key: keyBytes }
  }

  /**
   * For records without a key, those that cannot be read, and those too large to be read here. Positions less than
   * `stride` apart go together.
   */
  byPlace({ source, position }: Place, stride = RUN_OF_RECORDS): Route {
    return { partition: (Math.floor(position / stride) + source) % this.#partitions, key: null }
  }

  #keyOf(bytes: Buffer): string | undefined {
    const parsed = this.#stream.parse(bytes)
    if (!parsed.ok) return undefined
    try {
      return this.#stream.keyOf(parsed.value)
    } catch {
      // The stream's own code failed on this record. `score` will say so; here it must only go somewhere.
      return undefined
    }
  }
}

export function plainRecord(value: Uint8Array): RawRecord {
  return { value, headers: NO_HEADERS }
}

export function pointerRecord(pointer: RawPointer): RawRecord {
  return { value: Buffer.from(JSON.stringify(pointer)), headers: POINTER_HEADERS }
}

/** A record that is in memory but too large for the log, moved to the object store. */
export async function spilled(
  objects: Pick<ObjectStore, 'put'>,
  key: string,
  bytes: Uint8Array,
): Promise<RawRecord> {
  const writer = new LargeRecordWriter(objects, key)
  await writer.write(bytes)
  return pointerRecord(await writer.finish())
}
