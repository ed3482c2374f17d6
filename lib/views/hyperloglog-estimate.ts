/** Bits that a register's value counts leading zeros of. */
const HASH_BITS = 32

/**
 * How many values made these registers: the improved raw estimator of O. Ertl, "New cardinality estimation algorithms for
 * HyperLogLog sketches" (2017), algorithm 6. Unbiased over the whole range, with no tables and no switch between formulas.
 */
export function estimateDistinct(registers: Uint8Array): number {
  const m = registers.length
  const counts = new Array<number>(HASH_BITS + 2).fill(0)
  for (const value of registers) counts[value] = (counts[value] ?? 0) + 1
  let z = m * tau(1 - (counts[HASH_BITS + 1] ?? 0) / m)
  for (let k = HASH_BITS; k >= 1; k--) z = 0.5 * (z + (counts[k] ?? 0))
  z += m * sigma((counts[0] ?? 0) / m)
  return (m / (2 * Math.LN2)) * (m / z)
}

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY
  let x = share
  let y = 1
  let z = x
  for (let before = -1; z !== before; ) {
    x *= x
    before = z
    z += x * y
    y += y
  }
  return z
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0
  let x = share
  let y = 1
  let z = 1 - x
  for (let before = -1; z !== before; ) {
    x = Math.sqrt(x)
    before = z
    y *= 0.5
    z -= (1 - x) ** 2 * y
  }
  return z / 3
}
