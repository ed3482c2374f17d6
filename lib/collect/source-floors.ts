import { type Block, placeAt, recordsIn } from './block.ts'
import type { Resume } from './live-input.ts'
import { notAfter, type Place } from './place.ts'

interface Given {
  /** Of the last record of the block. */
  readonly last: Place | undefined
  readonly resume: Resume
}

interface Floor {
  readonly given: Given[]
  /** Everything up to here has landed and is never read again. */
  at: Place | undefined
}

/**
 * How far each source has landed, block by block: where to go on is known only at the end of a block. Bounded by the
 * blocks that are on their way.
 */
export class SourceFloors {
  readonly #sources = new Map<number, Floor>()

  /** All of a block has been given to the sender. */
  taken(source: number, block: Block, resume: Resume): void {
    const floor = this.#sources.get(source) ?? { given: [], at: undefined }
    this.#sources.set(source, floor)
    const count = recordsIn(block)
    const last = count === 0 ? undefined : placeAt(block, source, count - 1)
    floor.given.push({ last, resume })
  }

  /** Where sources are to be gone on from that have got further since they were last asked for. */
  risen(
    firstPendingOf: (source: number) => Place | undefined,
  ): readonly { source: number; resume: Resume }[] {
    const risen: { source: number; resume: Resume }[] = []
    for (const [source, floor] of this.#sources) {
      const pending = firstPendingOf(source)
      const stuck = floor.given.findIndex(
        ({ last }) => last !== undefined && pending !== undefined && notAfter(pending, last),
      )
      const landed = floor.given.splice(0, stuck < 0 ? floor.given.length : stuck)
      const last = landed.at(-1)
      if (last === undefined) continue
      floor.at = landed.findLast((given) => given.last !== undefined)?.last ?? floor.at
      risen.push({ source, resume: last.resume })
    }
    return risen
  }

  isBelow(place: Place): boolean {
    const at = this.#sources.get(place.source)?.at
    return at !== undefined && notAfter(place, at)
  }

  /** True while something of the source has not landed, as far as `risen` has seen. */
  isOnItsWay(source: number): boolean {
    return (this.#sources.get(source)?.given.length ?? 0) > 0
  }

  forget(source: number): void {
    this.#sources.delete(source)
  }
}
