import type { Alert, AlertsAnswer } from '../../../lib/serve/dashboard-messages.ts'
import type { Severity } from '../../../lib/stream/detector.ts'
import { Incidents } from '../client/incidents.ts'
import { Store } from './store.ts'

type MarkedAlert = AlertsAnswer['alerts'][number]
/** What somebody did about an incident. */
export type Mark = NonNullable<MarkedAlert['mark']>

/** What the list of alerts shows. */
export interface FeedView {
  readonly loading: boolean
  readonly problem?: string
  /** Newest first; while paused, as they were when the pause began. */
  readonly shown: readonly Alert[]
  /** What somebody did about incidents, by id. */
  readonly marks: ReadonlyMap<string, Mark>
  readonly paused: boolean
  /** Incidents that arrived during the pause. */
  readonly waiting: number
  /** Alerts (not incidents) received since the page opened. */
  readonly received: number
}

export const INCIDENTS_LIMIT = 500
/** A storm changes the list thirty times a second; people read it four times a second. */
const FLUSH_MS = 250

const EMPTY: FeedView = { loading: true, shown: [], marks: new Map(), paused: false, waiting: 0, received: 0 }

/** The incidents of one stream, put together as frames arrive and shown at a readable pace. */
export class Feed {
  readonly view = new Store<FeedView>(EMPTY)
  #incidents = new Incidents(INCIDENTS_LIMIT)
  readonly #marks = new Map<string, Mark>()
  readonly #hidden = new Set<string>()
  /** The frame that brought the last alert of each incident, and the last one known when each was closed. */
  readonly #lastFrames = new Map<string, number>()
  readonly #closedAt = new Map<string, number>()
  #frame = 0
  #cursor: string | undefined
  #received = 0
  #waiting = 0
  #flush: ReturnType<typeof setTimeout> | undefined

  reset(): void {
    clearTimeout(this.#flush)
    this.#flush = undefined
    this.#incidents = new Incidents(INCIDENTS_LIMIT)
    this.#marks.clear()
    this.#hidden.clear()
    this.#lastFrames.clear()
    this.#closedAt.clear()
    this.#frame = 0
    this.#cursor = undefined
    this.#received = 0
    this.#waiting = 0
    this.view.update(() => EMPTY)
  }

  /** How many frames came so far. */
  get frame(): number {
    return this.#frame
  }

  /** Where in the log of alerts the last of them ended. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** What is known from before the page opened: incidents that are open, up to the cursor. */
  load(alerts: readonly MarkedAlert[], cursor: string): void {
    this.#cursor = cursor
    for (const { id, mark } of alerts) if (mark !== undefined) this.#marks.set(id, mark)
    this.#incidents.add(alerts)
    this.#show()
  }

  /** Somebody who had seen so many frames acknowledged or closed an incident, or took that back. */
  mark(id: string, mark: Mark | undefined, frame: number): void {
    if (mark === undefined) this.#marks.delete(id)
    else this.#marks.set(id, mark)
    if (mark?.state === 'closed') this.#closedAt.set(id, frame)
    else this.#closedAt.delete(id)
    this.#refresh()
  }

  /** Incidents of the group are shown no more. */
  hideGroup(group: string): void {
    this.#hidden.add(group)
    this.#refresh()
  }

  markOf(id: string): Mark | undefined {
    return this.#marks.get(id)
  }

  fail(problem: string): void {
    this.view.update((view) => ({ ...view, loading: false, problem }))
  }

  receive(alerts: readonly Alert[], cursor: string): void {
    this.#frame++
    this.#cursor = cursor
    this.#waiting += this.#incidents.add(alerts)
    for (const { id } of alerts) this.#lastFrames.set(id, this.#frame)
    for (const id of this.#lastFrames.keys()) if (!this.#incidents.get(id)) this.#lastFrames.delete(id)
    for (const { count } of alerts) this.#received += count
    this.#flush ??= setTimeout(() => {
      this.#flush = undefined
      this.#show()
    }, FLUSH_MS)
  }

  setPaused(paused: boolean): void {
    this.#waiting = 0
    this.view.update((view) => ({ ...view, paused }))
    this.#show()
  }

  /** The newest state of an incident, also of one that the pause hides. */
  find(id: string): Alert | undefined {
    return this.#incidents.get(id)
  }

  /** What somebody did is seen at once, in a pause too. */
  #refresh(): void {
    this.view.update((view) => ({ ...view, shown: view.shown.filter((alert) => this.#isOpen(alert)) }))
    this.#show()
  }

  /** A closed incident is open again when another alert joins it, of whatever event time. */
  #isOpen({ id, group }: Alert): boolean {
    const closedAt = this.#closedAt.get(id)
    const isClosed = closedAt !== undefined && (this.#lastFrames.get(id) ?? 0) <= closedAt
    return !this.#hidden.has(group) && !isClosed
  }

  #show(): void {
    const { paused, shown } = this.view.get()
    if (!paused) this.#waiting = 0
    this.view.update(() => ({
      loading: false,
      shown:
        paused && shown.length > 0
          ? shown
          : this.#incidents.newestFirst().filter((alert) => this.#isOpen(alert)),
      marks: new Map(this.#marks),
      paused,
      waiting: this.#waiting,
      received: this.#received,
    }))
  }
}

const GRAVITY: readonly Severity[] = ['critical', 'high', 'medium', 'low']

/** Orders a list of incidents can have; each is given newest first. */
export const ORDERS = {
  Newest: () => 0,
  Gravest: (a: Alert, b: Alert) =>
    GRAVITY.indexOf(a.severity) - GRAVITY.indexOf(b.severity) || b.score - a.score,
  'Most alerts': (a: Alert, b: Alert) => b.count - a.count,
} as const satisfies Readonly<Record<string, (a: Alert, b: Alert) => number>>

export type Order = keyof typeof ORDERS

export function bySeverity(alerts: readonly Alert[]): Readonly<Record<Severity, number>> {
  const counts = { critical: 0, high: 0, medium: 0, low: 0 }
  for (const { severity } of alerts) counts[severity]++
  return counts
}
