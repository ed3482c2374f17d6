import { OTHERS } from './slots.ts'

const COLOURS = 8

/** Gives keys colours and lets them keep them, also when they change rank. */
export class Palette {
  readonly #byKey = new Map<string, number>()

  /** The keys drawn now. Colours of keys that are gone are free again. */
  assign(keys: readonly string[]): void {
    for (const key of this.#byKey.keys()) if (!keys.includes(key)) this.#byKey.delete(key)
    const taken = new Set(this.#byKey.values())
    for (const key of keys) {
      if (key === OTHERS || this.#byKey.has(key)) continue
      const free = Array.from({ length: COLOURS }, (_, i) => i).find((i) => !taken.has(i))
      if (free === undefined) continue
      taken.add(free)
      this.#byKey.set(key, free)
    }
  }

  /** Custom property of the key's colour. */
  colourOf(key: string): string {
    const index = this.#byKey.get(key)
    return index === undefined ? '--series-others' : `--series-${index + 1}`
  }
}
