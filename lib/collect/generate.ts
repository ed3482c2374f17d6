import { hash } from 'node:crypto'
import type { Stream } from '../stream/define.ts'
import { seededRandom, shuffleFront } from '../stream/random.ts'
import { type Block, type LargeRecord, type RecordBlock, recordsIn } from './block.ts'
import type { ReadOptions, Source } from './source.ts'

const BLOCK_RECORDS = 4096

/**
 * All records of `sources` as one source, in an order that the seed decides: another one each time it is read again in a loop.
 * All of them are held in memory as they came, with eight bytes more for each.
 */
export function shuffled(sources: readonly Source[], seed: number): Source {
  let held: Promise<Held> | undefined
  return {
    name: sources.length === 1 ? (sources[0]?.name ?? '') : `${sources.length} sources, shuffled`,
    repeatable: sources.every(({ repeatable }) => repeatable),
    sizeBytes: sources.reduce<number | undefined>(
      (sum, { sizeBytes }) => (sum === undefined || sizeBytes === undefined ? undefined : sum + sizeBytes),
      0,
    ),
    async *read(options) {
      held ??= hold(sources, options)
      yield* inOrder(await held, seed + options.pass)
    },
  }
}

interface Held {
  readonly blocks: readonly Block[]
  /** Number of the first record of each block, over all sources. */
  readonly starts: readonly number[]
  readonly count: number
}

async function hold(sources: readonly Source[], options: ReadOptions): Promise<Held> {
  const blocks: Block[] = []
  const starts: number[] = []
  let count = 0
  for (const source of sources) {
    const before = count
    const large = (position: number) => options.large(before + position)
    for await (const block of source.read({ ...options, large, pass: 0 })) {
      blocks.push(block)
      starts.push(count)
      count += recordsIn(block)
    }
  }
  return { blocks, starts, count }
}

function* inOrder(held: Held, seed: number): Generator<Block, void> {
  const order = permutation(held.count, seed)
  const blockOf = new Uint32Array(held.count)
  held.blocks.forEach((block, b) => {
    const start = held.starts[b] as number
    blockOf.fill(b, start, start + recordsIn(block))
  })
  for (let at = 0; at < order.length; ) {
    const first = order[at] as number
    const block = held.blocks[blockOf[first] as number]
    if (block?.kind === 'large') {
      yield { ...block, position: at, index: first }
      at++
    } else {
      const gathered = gather(held, order, blockOf, at)
      yield gathered
      at += gathered.count
    }
  }
}

/** 0 to `count - 1` in an order that the seed decides, the same everywhere. */
export function permutation(count: number, seed: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i)
  shuffleFront(order, count, seededRandom(seed))
  return order
}

/** The records from `at` on in one slab: up to the next large one, a few thousand at most. */
function gather(held: Held, order: Uint32Array, blockOf: Uint32Array, at: number): RecordBlock {
  const parts: Buffer[] = []
  const bounds: number[] = []
  let size = 0
  let end = at
  for (; end < order.length && end - at < BLOCK_RECORDS; end++) {
    const index = order[end] as number
    const b = blockOf[index] as number
    const block = held.blocks[b] as RecordBlock | LargeRecord
    if (block.kind === 'large') break
    const i = index - (held.starts[b] as number)
    const part = block.bytes.subarray(block.bounds[2 * i], block.bounds[2 * i + 1])
    bounds.push(size, size + part.length)
    parts.push(part)
    size += part.length
  }
  const indexes = order.slice(at, end)
  const bytes = Buffer.concat(parts, size)
  return { kind: 'records', bytes, bounds: Uint32Array.from(bounds), count: end - at, position: at, indexes }
}

/** What a generated record gets: the field names of the generator this one takes after. */
export interface Stamp {
  readonly uuid: string
  /** When it was sent, ISO 8601. */
  readonly utc: string
  /** Its number in its run, from 0. */
  readonly sequence_id: number
  /** Its number in its source, from 0, before any shuffling. */
  readonly index: number
}

/** The uuid of the nth record under a seed: a name-based one (RFC 9562, version 5). */
export function stampUuid(seed: number, sequence: number): string {
  const hex = hash('sha1', `weir/${seed}/${sequence}`)
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(18, 20)}-${hex.slice(20, 32)}`
}

/**
 * The record as a JSON object with the stamp's fields added. A record that is none of the stream's is given back as it
 * is, so that it ends as the dead letter it would have been.
 */
export function stamped(stream: Pick<Stream, 'parse'>, bytes: Buffer, stamp: Stamp): Buffer {
  const parsed = stream.parse(bytes)
  return parsed.ok ? Buffer.from(JSON.stringify({ ...parsed.value, ...stamp })) : bytes
}
