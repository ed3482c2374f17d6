import { type Alert, graver } from '../../../lib/stream/alert.ts'

/**
 * Incidents put together from frames: what comes under a known id is added to it. Holds the `limit` newest by first
 * arrival; an incident that was pushed out and goes on comes back as a new one, with what came since.
 */
export class Incidents {
  readonly #byId = new Map<string, Alert>()
  readonly #limit: number

  constructor(limit = 500) {
    this.#limit = limit
  }

  get size(): number {
    return this.#byId.size
  }

  get(id: string): Alert | undefined {
    return this.#byId.get(id)
  }

  /** Adds the alerts of one frame, oldest first. Returns how many ids were new. */
  add(alerts: readonly Alert[]): number {
    let added = 0
    for (const alert of alerts) {
      const known = this.#byId.get(alert.id)
      if (known === undefined) added++
      this.#byId.set(alert.id, known === undefined ? alert : mergeAlerts(known, alert))
    }
    for (const id of this.#byId.keys()) {
      if (this.#byId.size <= this.#limit) break
      this.#byId.delete(id)
    }
    return added
  }

  clear(): void {
    this.#byId.clear()
  }

  newestFirst(): readonly Alert[] {
    return [...this.#byId.values()].reverse()
  }
}

/** Two parts of one incident as one. What is shown (title, record, reasons) is the part with the higher score. */
export function mergeAlerts(known: Alert, more: Alert): Alert {
  const shown = more.score > known.score ? more : known
  return {
    ...shown,
    severity: graver(known.severity, more.severity),
    firstSeenMs: Math.min(known.firstSeenMs, more.firstSeenMs),
    lastSeenMs: Math.max(known.lastSeenMs, more.lastSeenMs),
    count: known.count + more.count,
  }
}
