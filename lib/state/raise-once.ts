import { PortError } from '../ports/errors.ts'
import type { ConditionalPut, KeyedStore } from '../ports/keyed-store.ts'
import type { Alert } from '../stream/alert.ts'
import type { AlertLog } from './alert-log.ts'

/** A transaction has 100 items, and one of them is the page. */
const MARKS_MAX = 99
const READS_AT_ONCE = 16
const TRIES_MAX = 20
/** Ids known to be raised, kept so that what goes on needs no read. */
const KNOWN_MAX = 20_000

/**
 * Alerts that may be found again and again, by any number of writers: whatever is delivered again, dies or overlaps, each id
 * is in the stream's log once. A page is put in one transaction with a mark for each of its alerts, `raised/<stream>` by id,
 * which must be absent. No progress is needed: whoever finds an alert a second time finds its mark.
 *
 * Marks are never deleted, as pages are not: without them an old record that is delivered late would raise its alert anew.
 */
export class RaiseOnce {
  readonly #keyed: KeyedStore
  readonly #log: AlertLog
  readonly #pk: string
  readonly #known = new Set<string>()

  constructor(keyed: KeyedStore, log: AlertLog) {
    this.#keyed = keyed
    this.#log = log
    this.#pk = `raised/${log.stream}`
  }

  /** Appends those that nobody has raised yet, in their order; resolves with how many. Of one id the first counts. */
  async raise(found: readonly Alert[]): Promise<number> {
    const first = new Map<string, Alert>()
    for (const alert of found) if (!first.has(alert.id)) first.set(alert.id, alert)
    const alerts = [...first.values()]
    let raised = 0
    for (let i = 0; i < alerts.length; i += MARKS_MAX)
      raised += await this.#page(alerts.slice(i, i + MARKS_MAX))
    return raised
  }

  async #page(alerts: readonly Alert[]): Promise<number> {
    for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
      const fresh = await this.#unraised(alerts)
      if (fresh.length === 0) return 0
      const done = await this.#log.append(fresh, ...fresh.map(({ id }) => this.#mark(id)))
      if (done === 'moved') continue
      for (const { id } of fresh) this.#remember(id)
      return fresh.length
    }
    const message = `${this.#pk}: others raised some of the same alerts ${TRIES_MAX} times in a row`
    throw new PortError('THROTTLED', message, { curable: true })
  }

  async #unraised(alerts: readonly Alert[]): Promise<readonly Alert[]> {
    const fresh: Alert[] = []
    const unknown = alerts.filter(({ id }) => !this.#known.has(id))
    for (let i = 0; i < unknown.length; i += READS_AT_ONCE) {
      const some = unknown.slice(i, i + READS_AT_ONCE)
      const marks = await Promise.all(some.map(({ id }) => this.#keyed.get(this.#pk, id)))
      for (const [n, alert] of some.entries()) {
        if (marks[n] === undefined) fresh.push(alert)
        else this.#remember(alert.id)
      }
    }
    return fresh
  }

  #mark(id: string): ConditionalPut {
    return { item: { pk: this.#pk, sk: id, rev: '1', data: new Uint8Array(0) }, condition: 'absent' }
  }

  #remember(id: string): void {
    this.#known.add(id)
    if (this.#known.size <= KNOWN_MAX) return
    const [oldest] = this.#known
    if (oldest !== undefined) this.#known.delete(oldest)
  }
}
