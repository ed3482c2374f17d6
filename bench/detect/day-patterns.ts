/** The patterns of the stream over a day that is held in memory: the same judges as in `count`, all keys and slots at once. */
import type { PatternBoards } from '../../lib/speed/pattern-boards.ts'
import { judgesOf } from '../../lib/speed/pattern-judges.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import type { OkEntry } from '../../lib/stream/entry.ts'
import { viewsOfPattern } from '../../lib/stream/pattern.ts'
import { compileView, type States, type View } from '../../lib/views/view.ts'
import { nids } from '../../streams/nids.ts'

export interface PatternAlert {
  readonly alert: Alert
  /** The phase that at least half of what its source did that day is of; -1: none. */
  readonly phase: number
}

export class DayPatterns {
  readonly #views: readonly View[]
  readonly #states: readonly Map<string, Map<number, States>>[]
  /** Of each source, how many records of each phase, background in place 0. */
  readonly #sources = new Map<string, number[]>()

  constructor() {
    const names = new Set(Object.values(nids.patterns).flatMap(viewsOfPattern))
    this.#views = [...names].map((name) => {
      const definition = nids.views[name]
      if (definition === undefined) throw new Error(`no view ${name}`)
      return compileView('nids', name, definition)
    })
    this.#states = this.#views.map(() => new Map())
  }

  add(entry: OkEntry, phase: number): void {
    const source = String(entry.value.source_ip)
    const phases = this.#sources.get(source) ?? []
    this.#sources.set(source, phases)
    phases[phase + 1] = (phases[phase + 1] ?? 0) + 1
    this.#views.forEach((view, i) => {
      const slot = view.slotOf(entry.eventTime)
      for (const key of view.keysOf(entry)) {
        const slots = this.#states[i]?.get(key) ?? new Map<number, States>()
        this.#states[i]?.set(key, slots)
        slots.set(slot, view.add(slots.get(slot) ?? view.empty, entry))
      }
    })
  }

  async alerts(): Promise<readonly PatternAlert[]> {
    const found: PatternAlert[] = []
    for (const { views, judge } of judgesOf(nids, 'bench', this.#views)) {
      const own = views.map((view) => this.#states[this.#views.indexOf(view)] ?? new Map<string, never>())
      const touched = own.map(
        (keys) => new Map([...keys].map(([key, slots]) => [key, new Set(slots.keys())])),
      )
      const boards = own.map((keys) => ({
        load: async () => (slot: number, key: string) => keys.get(key)?.get(slot),
      }))
      // Of the boards a judge asks no more than `load`.
      for (const alert of await judge(touched, boards as unknown as PatternBoards[]))
        found.push({ alert, phase: this.#phaseOf(String(alert.record.source_ip)) })
    }
    return found
  }

  #phaseOf(source: string): number {
    const phases = this.#sources.get(source) ?? []
    const total = phases.reduce((sum, one = 0) => sum + one, 0)
    return phases.findIndex((count = 0, i) => i > 0 && count * 2 >= total) - 1
  }
}
