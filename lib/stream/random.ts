/** Numbers in [0, 1), 32 random bits each. The same seed gives the same numbers everywhere. */
export type Random = () => number

/**
 * sfc32 of PractRand (C. Doty-Humphrey) seeded by splitmix32. Own code because growing a forest draws some hundred
 * thousand numbers and a model's bytes must never change with a library's release. Not for secrets.
 */
export function seededRandom(seed: number): Random {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`a seed is a whole number, got ${seed}`)
  const split = splitmix32((seed ^ Math.floor(seed / 2 ** 32)) | 0)
  let a = split()
  let b = split()
  let c = split()
  let counter = 1
  const next = () => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = ((c << 21) | (c >>> 11)) + sum
    c |= 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let i = 0; i < 12; i++) next()
  return next
}

function splitmix32(state: number): () => number {
  return () => {
    state = (state + 0x9e3779b9) | 0
    let t = state ^ (state >>> 16)
    t = Math.imul(t, 0x21f0aaad)
    t ^= t >>> 15
    t = Math.imul(t, 0x735a2d97)
    return t ^ (t >>> 15)
  }
}

/** A whole number from 0 to below `count`. */
export function below(random: Random, count: number): number {
  return Math.floor(random() * count)
}

/** Moves `take` elements chosen at random, in random order, to the front (Fisher and Yates, stopped early). */
export function shuffleFront(items: Uint32Array | Uint16Array, take: number, random: Random): void {
  for (let i = 0; i < take; i++) {
    const j = i + below(random, items.length - i)
    const held = items[i] as number
    items[i] = items[j] as number
    items[j] = held
  }
}
