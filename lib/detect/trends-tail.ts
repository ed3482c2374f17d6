/**
 * The natural logarithm of P(X >= x) of the negative binomial distribution with P(X = k) = G(k+r)/(k! G(r)) (1-p)^r p^k:
 * what comes of a Poisson process in a time whose share of all time watched is p, after r uses.
 */
export function logTailOf(x: number, r: number, p: number): number {
  const mean = (r * p) / (1 - p)
  // Only the upper tail is of interest, and only there the sum below ends soon.
  if (x <= mean) return 0
  let term = 1
  let sum = 1
  for (let k = x; term > sum * 1e-12 && k < x + 100_000; k++) {
    term *= ((k + r) / (k + 1)) * p
    sum += term
  }
  const logFirst = logGamma(x + r) - logGamma(x + 1) - logGamma(r) + r * Math.log1p(-p) + x * Math.log(p)
  return Math.min(0, logFirst + Math.log(sum))
}

/** Stirling's series, after moving the argument up to where it is exact to 1e-12. */
export function logGamma(x: number): number {
  let shift = 0
  while (x < 10) shift += Math.log(x++)
  const inverse = 1 / x
  const square = inverse * inverse
  const series =
    inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square * (1 / 1680 - square / 1188))))
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift
}
