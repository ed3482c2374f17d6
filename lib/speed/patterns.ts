import type { Ports } from '../ports/ports.ts'
import type { AlertLog } from '../state/alert-log.ts'
import type { BoardHead } from '../state/board-body.ts'
import type { BoardKey } from '../state/boards.ts'
import { PartCache } from '../state/part-cache.ts'
import type { Progress } from '../state/progress.ts'
import { RaiseOnce } from '../state/raise-once.ts'
import type { Alert } from '../stream/alert.ts'
import type { Stream } from '../stream/define.ts'
import type { Numbered } from '../views/board.ts'
import type { View } from '../views/view.ts'
import type { SeenBatch } from './entry-consumer.ts'
import { PatternBoards } from './pattern-boards.ts'
import { type Judge, judgesOf, NONE } from './pattern-judges.ts'
import type { Touched } from './pattern-portions.ts'

/** A board of the batch as it was left, and the batch's entries that are on it. */
export interface WrittenBoard {
  readonly view: View
  readonly key: BoardKey
  readonly entries: readonly Numbered[]
  readonly head: BoardHead
}

type PatternPorts = Pick<Ports, 'site' | 'keyed' | 'objects'>

/**
 * The patterns of a stream, judged from the boards after `count` has written them and before it moves its progress
 * (docs/decisions/patterns-from-boards.md). Judged is what the boards hold now, never what the batch has changed: after a
 * crash the batch comes again and finds the boards ahead, and the alert is raised all the same if it is not yet.
 */
export class Patterns {
  readonly #ports: PatternPorts
  readonly #judges: readonly Judge[]
  readonly #views: ReadonlySet<View>
  readonly #parts: PartCache
  readonly #keysMax: number | undefined
  readonly #raiser: RaiseOnce
  /** By enriched partition. */
  readonly #runs = new Map<string, Run>()

  /** `views`: the stream's, compiled. `keysMax`: keys kept between batches, of each view and partition. */
  constructor(stream: Stream, ports: PatternPorts, views: readonly View[], log: AlertLog, keysMax?: number) {
    this.#ports = ports
    this.#parts = new PartCache(ports.objects, keysMax)
    this.#keysMax = keysMax
    this.#raiser = new RaiseOnce(ports.keyed, log)
    this.#judges = judgesOf(stream, ports.site, views)
    this.#views = new Set(this.#judges.flatMap((judge) => judge.views))
  }

  /**
   * To be called with the progress that was loaded for a batch: what is known of the partition's boards is used only where
   * that progress is the one this process has moved it to. It belongs to this attempt alone until `Batch.done`.
   */
  begin({ topic, partition }: Pick<SeenBatch, 'topic' | 'partition'>, loaded: Progress): PatternBatch {
    const id = `${topic}/${partition}`
    const known = this.#runs.get(id)
    this.#runs.delete(id)
    const run = known?.nextOffset === loaded.nextOffset ? known : { nextOffset: 0, boards: new Map() }
    return {
      judge: (written) => this.#judge(run.boards, written),
      done: ({ nextOffset }) => void this.#runs.set(id, { ...run, nextOffset }),
    }
  }

  async #judge(known: Map<View, PatternBoards>, all: readonly WrittenBoard[]): Promise<void> {
    const written = all.filter(({ view }) => this.#views.has(view))
    const touched = touchedOf(written)
    for (const { view, key, head } of written) known.get(view)?.wrote(key, head)
    const [first] = written
    if (first === undefined) return
    const boardsOf = (view: View) => {
      const boards =
        known.get(view) ?? new PatternBoards(this.#ports, view, first.key, this.#parts, this.#keysMax)
      known.set(view, boards)
      return boards
    }
    const alerts: Alert[] = []
    for (const { views, judge } of this.#judges) {
      const some = views.map((view) => touched.get(view) ?? NONE)
      if (some.some(({ size }) => size > 0)) alerts.push(...(await judge(some, views.map(boardsOf))))
    }
    if (alerts.length > 0) await this.#raiser.raise(alerts)
  }
}

/** What one attempt at a batch does. */
export interface PatternBatch {
  /** Raises what the boards show of the keys in `written`: the batch's boards, those in no pattern's view too. */
  judge(written: readonly WrittenBoard[]): Promise<void>
  /** The attempt has moved the progress. */
  done(progress: Progress): void
}

/** Batches of one partition between which nobody else has moved the progress. */
interface Run {
  readonly nextOffset: number
  readonly boards: Map<View, PatternBoards>
}

function touchedOf(written: readonly WrittenBoard[]): ReadonlyMap<View, Touched> {
  const touched = new Map<View, Map<string, Set<number>>>()
  for (const { view, key, entries } of written) {
    const ofView = touched.get(view) ?? new Map<string, Set<number>>()
    touched.set(view, ofView)
    for (const { keys } of entries)
      for (const one of keys) {
        const slots = ofView.get(one)
        if (slots === undefined) ofView.set(one, new Set([key.slot]))
        else slots.add(key.slot)
      }
  }
  return touched
}
