import { createHash, randomUUID } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import type { TrendsState } from '../../detect/trends.ts'
import { PortError } from '../../ports/errors.ts'
import type { ConditionalPut, Item } from '../../ports/keyed-store.ts'
import type { Ports } from '../../ports/ports.ts'

type Stores = Pick<Ports, 'keyed' | 'objects' | 'clock'>

/** What stands in the item besides the packed state of `Trends`. */
export interface StateHead {
  /** Since when the stream is awake (due.ts). */
  readonly wokeMs?: number
  /** End of the last slide that closed, ms. */
  readonly lastTo?: number
  /** Where the packed state lies; absent where it follows the head, or before there is one. */
  readonly objectKey?: string
}

export interface StoredState {
  /** Undefined: there is none yet. */
  readonly rev: string | undefined
  readonly head: StateHead
  readonly trends: TrendsState | undefined
}

const SK = 'state'
/** Above it the state is an object: eight kilobytes of DynamoDB writes cost about as much as one put to S3. */
const INLINE_BYTES_MAX = 8 * 1024
/** An object that no item names is swept once whoever put it must have ended. */
const ORPHAN_MS = 3_600_000
const TRIES_MAX = 5

/**
 * What a stream's trends have come to, between two looks: one item `trends/<stream>`, replaced under the condition that it is
 * the one that was read, with the slides that it makes in the same transaction. So of any number of functions at work one
 * closes a slot, in order, and what it counted then is what all later slides and bursts are made of: uses that are counted
 * afterwards do not come in by a restart.
 */
export class TrendsStateStore {
  readonly #stores: Stores
  readonly #pk: string

  constructor(stores: Stores, stream: string) {
    this.#stores = stores
    this.#pk = `trends/${stream}`
  }

  /** The item alone: its rev and head. */
  async head(): Promise<Omit<StoredState, 'trends'>> {
    const item = await this.#stores.keyed.get(this.#pk, SK)
    return { rev: item?.rev, head: item === undefined ? {} : decode(item).head }
  }

  async read(): Promise<StoredState> {
    for (let attempt = 1; ; attempt++) {
      const item = await this.#stores.keyed.get(this.#pk, SK)
      if (item === undefined) return { rev: undefined, head: {}, trends: undefined }
      const { head, packed } = decode(item)
      const bytes = head.objectKey === undefined ? packed : await this.#object(head.objectKey)
      if (bytes !== undefined)
        return { rev: item.rev, head, trends: bytes.length === 0 ? undefined : unpack(bytes) }
      // It is deleted once another has taken its place.
      if (attempt === TRIES_MAX)
        throw new PortError('CORRUPT', `${this.#pk}: the object ${head.objectKey} of its state is missing`, {
          curable: false,
        })
    }
  }

  /** The put that takes the place of `before`. A large state is put as an object first, under a name nobody else has. */
  async replacing(
    before: Pick<StoredState, 'rev'>,
    head: Omit<StateHead, 'objectKey'>,
    trends: TrendsState | undefined,
  ): Promise<ConditionalPut & { readonly objectKey: string | undefined }> {
    const packed = trends === undefined ? Buffer.alloc(0) : pack(trends)
    const objectKey = packed.length > INLINE_BYTES_MAX ? await this.#putObject(packed) : undefined
    const line = Buffer.from(`${JSON.stringify({ ...head, ...(objectKey && { objectKey }) })}\n`)
    const data = objectKey === undefined ? Buffer.concat([line, packed]) : line
    const item: Item = { pk: this.#pk, sk: SK, rev: randomUUID(), data }
    const condition = before.rev === undefined ? ('absent' as const) : { rev: before.rev }
    return { item, condition, objectKey }
  }

  /** Deletes what no item names any more; what fails is swept another time. */
  async forget(objectKey: string | undefined): Promise<void> {
    if (objectKey !== undefined) await this.#stores.objects.delete(objectKey).catch(() => undefined)
  }

  /** Deletes what functions that died have left behind. */
  async sweep(): Promise<void> {
    const { objects, clock } = this.#stores
    const { head } = await this.head()
    for await (const { key, modifiedMs } of objects.list(`${this.#pk}/`))
      if (key !== head.objectKey && modifiedMs < clock.nowMs() - ORPHAN_MS) await this.forget(key)
  }

  async #putObject(packed: Uint8Array): Promise<string> {
    const digest = createHash('sha256').update(packed).digest('hex').slice(0, 16)
    const key = `${this.#pk}/${digest}-${randomUUID()}`
    await this.#stores.objects.put(key, packed, 'absent')
    return key
  }

  async #object(key: string): Promise<Uint8Array | undefined> {
    return (await this.#stores.objects.get(key))?.bytes
  }
}

function pack(trends: TrendsState): Uint8Array {
  return zstdCompressSync(Buffer.from(JSON.stringify(trends)))
}

function unpack(bytes: Uint8Array): TrendsState {
  return JSON.parse(zstdDecompressSync(bytes).toString()) as TrendsState
}

function decode({ pk, data }: Item): { readonly head: StateHead; readonly packed: Uint8Array } {
  const end = data.indexOf(10)
  if (end < 0) throw new PortError('CORRUPT', `${pk}: a state without a head`, { curable: false })
  const head = JSON.parse(Buffer.from(data.subarray(0, end)).toString()) as StateHead
  return { head, packed: data.subarray(end + 1) }
}
