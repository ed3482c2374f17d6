/**
 * A hash of a form's parts by their places that is a sum, so that leaving some out costs a subtraction and not another
 * look at all the others. 53 bits of two sums.
 */
export class PartHashes {
  readonly #known = new Map<string, readonly [number, number]>()
  readonly #low: number[] = []
  readonly #high: number[] = []
  #lowSum = 0
  #highSum = 0

  read(parts: readonly string[]): void {
    this.#lowSum = parts.length
    this.#highSum = 0
    parts.forEach((part, i) => {
      let hash = this.#known.get(part)
      if (hash === undefined) {
        hash = hashText(part)
        this.#known.set(part, hash)
      }
      this.#low[i] = Math.imul(hash[0], 2 * i + 1)
      this.#high[i] = Math.imul(hash[1], 2 * i + 1)
      this.#lowSum = (this.#lowSum + (this.#low[i] as number)) | 0
      this.#highSum = (this.#highSum + (this.#high[i] as number)) | 0
    })
  }

  /** Of the form last read without the parts in these places; which places matters. */
  without(holes: readonly number[]): number {
    let low = this.#lowSum
    let high = this.#highSum
    for (const hole of holes) {
      low = (low - (this.#low[hole] as number) + Math.imul(hole, 0x27d4eb2f)) | 0
      high = (high - (this.#high[hole] as number) + Math.imul(hole, 0x165667b1)) | 0
    }
    return (low >>> 0) * 2 ** 21 + (high >>> 11)
  }
}

function hashText(text: string): readonly [number, number] {
  let a = 0x811c9dc5
  let b = text.length
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    a = Math.imul(a ^ code, 0x01000193)
    b = Math.imul(b ^ code, 0x5bd1e995)
  }
  return [a ^ (a >>> 15), b ^ (b >>> 13)]
}
