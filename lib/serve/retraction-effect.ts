import type { Ports } from '../ports/ports.ts'
import { entryOf, readBatchPointer } from '../state/batch-pointer.ts'
import { readBatchIndex } from '../state/batch-read.ts'
import { retractionsOf } from '../state/covered-retractions.ts'
import { allRetractions, type Retraction } from '../state/retractions.ts'
import type { Stream } from '../stream/define.ts'
import { compileView } from '../views/view.ts'

export interface RetractionEffect {
  readonly retraction: Retraction
  /** Views that no longer hold the records; of one that was withdrawn, those that do not hold them yet. */
  readonly leftOutOf: readonly string[]
  /** Views that hold them, or those of them that their boards answer for. */
  readonly stillIn: readonly string[]
}

/** What every retraction of a stream does to what queries answer now, by what is published. */
export async function retractionEffects(
  { keyed, objects }: Pick<Ports, 'keyed' | 'objects'>,
  stream: Stream,
): Promise<readonly RetractionEffect[]> {
  const all = await allRetractions(keyed, stream.name)
  const pointer = await readBatchPointer(keyed, stream.name)
  const leftOut = new Map<string, string[]>(all.map(({ id }) => [id, []]))
  const stillIn = new Map<string, string[]>(all.map(({ id }) => [id, []]))
  for (const [name, definition] of Object.entries(stream.views)) {
    const view = compileView(stream.name, name, definition)
    const entry = entryOf(pointer, view)
    const covers = entry && (await readBatchIndex(objects, entry)).covers
    const held = covers && retractionsOf(covers, all)
    for (const one of all) {
      const at = covers?.partitions.find((it) => it.topic === one.topic && it.partition === one.partition)
      const below = at !== undefined && one.to <= at.below
      const isOut = below && held?.some(({ id }) => id === one.id) === true
      ;(isOut ? leftOut : stillIn).get(one.id)?.push(view.id)
    }
  }
  return all.map((retraction) => ({
    retraction,
    leftOutOf: leftOut.get(retraction.id) ?? [],
    stillIn: stillIn.get(retraction.id) ?? [],
  }))
}
