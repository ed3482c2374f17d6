import { displayKey } from '../../views/key.ts'
import type { States, View } from '../../views/view.ts'

export interface QueryRow {
  readonly key: string
  readonly fields: Readonly<Record<string, string>>
  /** Bounds of the slots in the row, ISO 8601. */
  readonly from: string
  readonly to: string
  readonly [aggregate: string]: unknown
}

interface Accumulated {
  readonly key: string
  states: States
  from: number
  to: number
}

/** Merges what the layers hold of each key, or of each key and slot, into the rows of an answer. */
export class AnswerRows {
  readonly #view: View
  readonly #bySlot: boolean
  readonly #rows = new Map<string, Accumulated>()

  constructor(view: View, bySlot: boolean) {
    this.#view = view
    this.#bySlot = bySlot
  }

  /** The same for what belongs in one row. */
  idOf(key: string, slot: number): string {
    return this.#bySlot ? `${key} ${slot}` : key
  }

  /** `lastSlot`: where the states are of more slots than one, which only rows of a key alone take. */
  add(key: string, slot: number, states: States, lastSlot = slot): void {
    const id = this.idOf(key, slot)
    const to = lastSlot + this.#view.definition.slotMs
    const row = this.#rows.get(id)
    if (row === undefined) {
      this.#rows.set(id, { key, states, from: slot, to })
      return
    }
    row.states = this.#view.merge(row.states, states)
    row.from = Math.min(row.from, slot)
    row.to = Math.max(row.to, to)
  }

  /** In order of key, then of slot. */
  answer(): readonly QueryRow[] {
    const ordered = [...this.#rows.values()].sort((a, b) =>
      a.key < b.key ? -1 : a.key > b.key ? 1 : a.from - b.from,
    )
    return ordered.map(({ key, states, from, to }) => ({
      key: displayKey(key),
      fields: this.#view.fieldsOf(key),
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
      ...this.#view.answer(states),
    }))
  }
}
