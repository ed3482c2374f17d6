/**
 * Hashes of values that are the same on every machine, in every release and in both layers: sketches are stored.
 * MurmurHash3_x86_32 (A. Appleby, https://github.com/aappleby/smhasher), run with two seeds at once for 64 bits. Text is
 * hashed by its UTF-16 units, low byte first, so that no bytes need to be made of it.
 */
const C1 = 0xcc9e2d51
const C2 = 0x1b873593

/** Two seeds for each type: the text "1" and the number 1 are different values. */
const TEXT = [0x9747b28c, 0x3c6ef372] as const
const NUMBER = [0x5bd1e995, 0x78dde6e4] as const
const BOOLEAN = [0x85ebca6b, 0x243f6a88] as const

/** Where a hash is put: 64 bits as two unsigned words. */
export type HashWords = Uint32Array

const scratch = new DataView(new ArrayBuffer(8))

/** Hashes text, a finite number or a boolean into `out`; false for any other value, and `out` stays. */
export function hashValue(value: unknown, out: HashWords): boolean {
  if (typeof value === 'string') {
    out[0] = hashText(value, TEXT[0])
    out[1] = hashText(value, TEXT[1])
    return true
  }
  if (typeof value === 'number' && Number.isFinite(value)) {
    scratch.setFloat64(0, value + 0, true)
    out[0] = hashWords(scratch.getUint32(0, true), scratch.getUint32(4, true), NUMBER[0])
    out[1] = hashWords(scratch.getUint32(0, true), scratch.getUint32(4, true), NUMBER[1])
    return true
  }
  if (typeof value !== 'boolean') return false
  out[0] = hashWords(value ? 1 : 0, 0, BOOLEAN[0])
  out[1] = hashWords(value ? 1 : 0, 0, BOOLEAN[1])
  return true
}

/** MurmurHash3_x86_32 of the text's UTF-16 units, little endian. */
export function hashText(text: string, seed: number): number {
  const units = text.length
  const even = units - (units & 1)
  let h = seed | 0
  for (let i = 0; i < even; i += 2) h = block(h, text.charCodeAt(i) | (text.charCodeAt(i + 1) << 16))
  if (even < units) h ^= scramble(text.charCodeAt(even))
  return finish(h ^ (units * 2))
}

/** The same of two words: of a 64-bit value, little endian. */
export function hashWords(low: number, high: number, seed: number): number {
  return finish(block(block(seed | 0, low), high) ^ 8)
}

function scramble(k: number): number {
  const mixed = Math.imul(k, C1)
  return Math.imul((mixed << 15) | (mixed >>> 17), C2)
}

function block(h: number, k: number): number {
  const mixed = h ^ scramble(k)
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

/** The finaliser: every bit of the input moves every bit of the result. */
export function finish(h: number): number {
  let x = h ^ (h >>> 16)
  x = Math.imul(x, 0x85ebca6b)
  x ^= x >>> 13
  x = Math.imul(x, 0xc2b2ae35)
  return (x ^ (x >>> 16)) >>> 0
}
