import type { Ports } from '../ports/ports.ts'
import { AlertActions, suppressing } from '../state/alert-actions.ts'
import type { Gathering } from './frames.ts'

/** How old a running function's knowledge of what is suppressed may be. */
const AGE_MAX_MS = 2_000

/** Which groups of a stream are suppressed, read again every two seconds at most. */
export class Suppressed {
  readonly #actions: AlertActions
  readonly #clock: Ports['clock']
  #test: Promise<(group: string) => boolean> | undefined
  #readMs = 0

  constructor(stream: string, ports: Pick<Ports, 'keyed' | 'clock'>) {
    this.#actions = new AlertActions(stream, ports)
    this.#clock = ports.clock
  }

  test(): Promise<(group: string) => boolean> {
    const nowMs = this.#clock.nowMs()
    if (this.#test !== undefined && Math.abs(nowMs - this.#readMs) < AGE_MAX_MS) return this.#test
    this.#readMs = nowMs
    const test = this.#actions.suppressions().then((all) => suppressing(all.map(({ group }) => group)))
    this.#test = test
    // What failed is asked for again.
    test.catch(() => {
      if (this.#test === test) this.#test = undefined
    })
    return test
  }
}

/** Takes in what is not suppressed, and passes over the rest. */
export function withoutSuppressed(into: Gathering, isSuppressed: (group: string) => boolean): Gathering {
  return {
    add: (alert, page, index) => isSuppressed(alert.group) || into.add(alert, page, index),
    alerts: () => into.alerts(),
  }
}
