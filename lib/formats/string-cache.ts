const SLOTS = 256
const LENGTH_MAX = 32

/**
 * Strings by their bytes, for columns that repeat a few short values (`tcp`, `http`, `SF`): a hit costs a compare of the
 * bytes instead of a call into the engine, and equal values share one string. Direct-mapped and of fixed size: a value
 * that meets another in its slot takes the slot over, and the answer is right either way.
 */
export class StringCache {
  readonly #texts: string[] = new Array<string>(SLOTS).fill('')
  readonly #lengths = new Uint8Array(SLOTS)
  readonly #bytes = new Uint8Array(SLOTS * LENGTH_MAX)

  /** `bytes[start, end)` as text. They must be UTF-8. */
  get(bytes: Buffer, start: number, end: number): string {
    const length = end - start
    if (length === 0) return ''
    if (length > LENGTH_MAX) return bytes.toString('utf8', start, end)
    const slot = slotOf(bytes, start, end)
    if (this.#holds(slot, bytes, start, length)) return this.#texts[slot] as string
    const text = bytes.toString('utf8', start, end)
    this.#texts[slot] = text
    this.#lengths[slot] = length
    for (let i = 0; i < length; i++) this.#bytes[slot * LENGTH_MAX + i] = bytes[start + i] as number
    return text
  }

  #holds(slot: number, bytes: Buffer, start: number, length: number): boolean {
    if (this.#lengths[slot] !== length) return false
    const base = slot * LENGTH_MAX
    for (let i = 0; i < length; i++) if (this.#bytes[base + i] !== bytes[start + i]) return false
    return true
  }
}

function slotOf(bytes: Buffer, start: number, end: number): number {
  let hash = end - start
  for (let i = start; i < end; i++) hash = (Math.imul(hash, 31) + (bytes[i] as number)) | 0
  return (hash ^ (hash >>> 8)) & (SLOTS - 1)
}
