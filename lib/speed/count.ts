import type { Ports } from '../ports/ports.ts'
import { type BoardKey, BoardStore } from '../state/boards.ts'
import { moveProgress, type Progress, readProgress } from '../state/progress.ts'
import type { Stream } from '../stream/define.ts'
import { readEntry } from '../stream/entry.ts'
import type { Numbered } from '../views/board.ts'
import { epochOf } from '../views/epoch.ts'
import { compileView, type View } from '../views/view.ts'
import type { EntryStage, SeenBatch } from './entry-consumer.ts'

const STAGE = 'count'
const WRITES_AT_ONCE = 16

/** The entries of one batch that belong on one board. */
interface BoardDelta {
  readonly view: View
  readonly key: BoardKey
  readonly entries: Numbered[]
}

/**
 * Keeps the speed views. Boards are written first, each under its own mark, then the progress: a crash in between leaves
 * boards that are ahead of the progress, and the entries come again and fall below their marks.
 */
export function countStage(stream: Stream, ports: Ports): EntryStage<{ readonly progress: Progress }> {
  const views = Object.entries(stream.views).map(([name, view]) => compileView(stream.name, name, view))
  const boards = new BoardStore(ports.keyed)
  return {
    name: STAGE,
    load: async (topic, partition) => ({
      progress: await readProgress(ports.keyed, STAGE, topic, partition),
    }),
    apply: async (batch, loaded) => {
      const deltas = [...deltasOf(views, batch).values()]
      for (let i = 0; i < deltas.length; i += WRITES_AT_ONCE) {
        const some = deltas.slice(i, i + WRITES_AT_ONCE)
        await Promise.all(some.map(({ view, key, entries }) => boards.apply(view, key, entries)))
      }
      const at = { stage: STAGE, topic: batch.topic, partition: batch.partition }
      return (await moveProgress(ports.keyed, at, loaded.progress, batch.progress)) ? 'done' : 'moved'
    },
  }
}

function deltasOf(views: readonly View[], batch: SeenBatch): Map<string, BoardDelta> {
  const deltas = new Map<string, BoardDelta>()
  for (const { origin, text } of batch.entries) {
    const entry = readEntry(text)
    const epoch = epochOf(entry.appendTime)
    for (const view of views) {
      const keys = view.keysOf(entry)
      if (keys.length === 0) continue
      const slot = view.slotOf(entry.eventTime)
      const id = `${view.id} ${slot} ${epoch}`
      let delta = deltas.get(id)
      if (delta === undefined) {
        const { topic, partition } = entry
        delta = { view, key: { slot, epoch, topic, partition }, entries: [] }
        deltas.set(id, delta)
      }
      delta.entries.push({ origin, entry, keys })
    }
  }
  return deltas
}
