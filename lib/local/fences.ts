import { PortError } from '../ports/errors.ts'
import type { Appended, EventLog, FencedTopic } from '../ports/event-log.ts'

/** Fencing in a log that one process owns: the last to fence by a name is the only one of that name whose appends are taken. */
export class Fences {
  readonly #append: EventLog['append']
  readonly #holders = new Map<string, { readonly underWay: Set<Promise<unknown>> }>()

  constructor(append: EventLog['append']) {
    this.#append = append
  }

  async fence(name: string, topic: string): Promise<FencedTopic> {
    const key = `${topic} ${name}`
    const before = this.#holders.get(key)
    const holder = { underWay: new Set<Promise<unknown>>() }
    this.#holders.set(key, holder)
    // What it has begun lands before this resolves, or never.
    await Promise.allSettled(before?.underWay ?? [])
    return {
      append: async (partition, batch): Promise<Appended> => {
        if (this.#holders.get(key) !== holder) throw fencedOff(topic, name)
        const appending = this.#append(topic, partition, batch)
        holder.underWay.add(appending)
        try {
          return await appending
        } finally {
          holder.underWay.delete(appending)
        }
      },
    }
  }
}

function fencedOff(topic: string, name: string): PortError {
  const message = `append to ${topic}: another process has taken the place of ${name}`
  return new PortError('LOCKED', message, { curable: false })
}
