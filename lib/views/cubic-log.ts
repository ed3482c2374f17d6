/**
 * A stand-in for the logarithm that every machine computes to the same bit: the exponent of the number plus a cubic of its
 * significand, made of multiplications and additions alone, which IEEE 754 rounds one way. `Math.log` may differ in the last
 * bit from engine to engine, and a value on the edge of a bucket would then be in another one. The cubic is the one of
 * DDSketch's "cubically interpolated" mapping (https://github.com/DataDog/sketches-java): its slope against ln(x) is
 * nowhere under 10/7, so buckets that are 1/n of an octave high hold values that differ by a factor of at most
 * exp(7 / (10 n)).
 */
const A = 6 / 35
const B = -3 / 5
const C = 10 / 7
const LEAST_SLOPE = 10 / 7

export const BUCKETS_PER_OCTAVE_FORM = 1

/** The least positive number that is not taken for 0: smaller ones have fewer digits than the cubic needs. */
export const LEAST_NORMAL = 2 ** -1022

const scratch = new DataView(new ArrayBuffer(8))

/** Of a normal positive number. */
export function cubicLog(x: number): number {
  scratch.setFloat64(0, x)
  const head = scratch.getUint32(0)
  const exponent = (head >>> 20) - 1023
  scratch.setUint32(0, (head & 0x000fffff) | 0x3ff00000)
  const s = scratch.getFloat64(0) - 1
  return exponent + cubic(s)
}

/** The number whose `cubicLog` is y. For answers only: it need not be the same to the last bit everywhere. */
export function cubicExp(y: number): number {
  const exponent = Math.floor(y)
  let low = 0
  let high = 1
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2
    if (cubic(middle) < y - exponent) low = middle
    else high = middle
  }
  return (1 + high) * 2 ** exponent
}

function cubic(s: number): number {
  return ((A * s + B) * s + C) * s
}

/** So many buckets an octave keep a bucket's middle within `accuracy` of every value in it. */
export function bucketsPerOctave(accuracy: number): number {
  return Math.ceil(1 / (2 * LEAST_SLOPE * Math.atanh(accuracy)) - 1e-9)
}

/** How far a bucket's middle may be from a value in it, relative to the value. */
export function accuracyOf(perOctave: number): number {
  return Math.tanh(1 / (2 * LEAST_SLOPE * perOctave))
}
