/**
 * Decoded parts of immutable objects by name, as many as weigh `bytesMax` together; the one not used for longest goes
 * first. What is immutable never has to be asked for again.
 */
export class BatchCache {
  readonly #held = new Map<string, { readonly value: unknown; readonly sizeBytes: number }>()
  readonly #bytesMax: number
  #bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get sizeBytes(): number {
    return this.#bytes
  }

  /** The value under the name, or what `load` makes of it. The name decides the type. */
  async get<T>(
    name: string,
    load: () => Promise<{ readonly value: T; readonly sizeBytes: number }>,
  ): Promise<T> {
    const held = this.#held.get(name)
    if (held !== undefined) {
      this.#held.delete(name)
      this.#held.set(name, held)
      return held.value as T
    }
    const { value, sizeBytes } = await load()
    this.#keep(name, value, sizeBytes)
    return value
  }

  #keep(name: string, value: unknown, sizeBytes: number): void {
    if (sizeBytes > this.#bytesMax / 4 || this.#held.has(name)) return
    this.#held.set(name, { value, sizeBytes })
    this.#bytes += sizeBytes
    for (const [oldest, { sizeBytes: freed }] of this.#held) {
      if (this.#bytes <= this.#bytesMax) return
      this.#held.delete(oldest)
      this.#bytes -= freed
    }
  }
}
