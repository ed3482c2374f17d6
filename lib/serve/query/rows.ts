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

  add(key: string, slot: number, states: States): void {
    const { slotMs } = this.#view.definition
    const id = this.#bySlot ? `${key} ${slot}` : key
    const row = this.#rows.get(id)
    if (row === undefined) {
      this.#rows.set(id, { key, states, from: slot, to: slot + slotMs })
      return
    }
    row.states = this.#view.merge(row.states, states)
    row.from = Math.min(row.from, slot)
    row.to = Math.max(row.to, slot + slotMs)
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
