import { readSegment, type SegmentKey } from '../formats/segment.ts'
import { compareKeys, keyHash } from '../formats/segment-order.ts'
import { PortError } from '../ports/errors.ts'
import { REPAIR } from '../state/batch-index.ts'
import { mapAtOnce } from '../stream/at-once.ts'
import type { View } from '../views/view.ts'

/** Opens the segments that a source is made of, one after the other, in the order of keys. */
export type SegmentSource = () => AsyncIterable<StoredSegment>

export interface StoredSegment {
  /** Of the object that it lies in, for the message where it cannot be read. */
  readonly key: string
  readonly bytes: Uint8Array
}

interface Head {
  readonly source: AsyncIterator<StoredSegment>
  keys: Iterator<SegmentKey>
  hash: number
  key: SegmentKey
}

/**
 * The keys of several sources in order, each once, the states of what they share merged. Opens some of them at a time, and
 * holds a segment of each, unpacked block by block. States that only one source has pass through as they are.
 */
export async function* mergeKeys(view: View, sources: readonly SegmentSource[]): AsyncGenerator<SegmentKey> {
  const heads: Head[] = []
  const first = await mapAtOnce(sources, (open) => opened(open()[Symbol.asyncIterator]()))
  for (const head of first) if (head !== undefined) push(heads, head)
  while (heads.length > 0) {
    const { key } = (heads[0] as Head).key
    const same: SegmentKey[] = []
    for (let first = heads[0]; first !== undefined && first.key.key === key; first = heads[0]) {
      same.push(first.key)
      if (await advance(first)) sink(heads)
      else pop(heads)
    }
    yield same.length === 1 ? (same[0] as SegmentKey) : merged(view, key, same)
  }
}

function merged(view: View, key: string, same: readonly SegmentKey[]): SegmentKey {
  const bySlot = new Map<number, unknown[]>()
  for (const { slots, states } of same)
    for (const [i, slot] of slots.entries()) {
      const found = bySlot.get(slot)
      if (found === undefined) bySlot.set(slot, [states[i]])
      else found.push(states[i])
    }
  const rows = [...bySlot].sort(([a], [b]) => a - b)
  return {
    key,
    slots: rows.map(([slot]) => slot),
    states: rows.map(([, states]) => (states.length === 1 ? states[0] : mergedStates(view, states))),
  }
}

function mergedStates(view: View, states: readonly unknown[]): unknown {
  return view.toJson(states.map((json) => view.fromJson(json)).reduce((a, b) => view.merge(a, b)))
}

async function opened(source: AsyncIterator<StoredSegment>): Promise<Head | undefined> {
  const none: SegmentKey = { key: '', slots: [], states: [] }
  const head: Head = { source, keys: [][Symbol.iterator](), hash: 0, key: none }
  return (await advance(head)) ? head : undefined
}

/** To the source's next key; false at its end. */
async function advance(head: Head): Promise<boolean> {
  for (;;) {
    const next = head.keys.next()
    if (next.done !== true) {
      head.key = next.value
      head.hash = keyHash(next.value.key)
      return true
    }
    const segment = await head.source.next()
    if (segment.done === true) return false
    head.keys = keysIn(segment.value)
  }
}

/** What cannot be read is named: of an error in a block nobody would know where it lies. */
function* keysIn({ key, bytes }: StoredSegment): Generator<SegmentKey> {
  try {
    yield* readSegment(bytes)
  } catch (cause) {
    const what = `object ${key} cannot be read, its bytes are not those that were written: ${REPAIR}`
    throw new PortError('CORRUPT', what, { curable: false, cause })
  }
}

function before(a: Head, b: Head): boolean {
  return compareKeys(a.hash, a.key.key, b.hash, b.key.key) < 0
}

/** A binary heap, the least key first. */
function push(heap: Head[], head: Head): void {
  heap.push(head)
  for (let i = heap.length - 1; i > 0; ) {
    const up = (i - 1) >> 1
    if (!swapIf(heap, i, up)) return
    i = up
  }
}

function pop(heap: Head[]): void {
  const last = heap.pop()
  if (last === undefined || heap.length === 0) return
  heap[0] = last
  sink(heap)
}

function sink(heap: Head[]): void {
  for (let i = 0; ; ) {
    const left = 2 * i + 1
    const right = left + 1
    const [l, r] = [heap[left], heap[right]]
    if (l === undefined) return
    const least = r !== undefined && before(r, l) ? right : left
    if (!swapIf(heap, least, i)) return
    i = least
  }
}

/** Swaps where the one at `a` comes before the one at `b`. */
function swapIf(heap: Head[], a: number, b: number): boolean {
  const [x, y] = [heap[a], heap[b]]
  if (x === undefined || y === undefined || !before(x, y)) return false
  heap[a] = y
  heap[b] = x
  return true
}
