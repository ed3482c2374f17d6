import { PortError } from '../ports/errors.ts'
import type { Appended, EventLog, FencedTopic } from '../ports/event-log.ts'

/** Fencing in a log that one process owns: the last to fence by a name is the only one of that name whose appends are taken. */
export class Fences {
  readonly #append: EventLog['append']
  /** By topic and name: who holds it, and what any holder so far has under way. */
  readonly #names = new Map<string, { holder: symbol; readonly underWay: Set<Promise<unknown>> }>()

  constructor(append: EventLog['append']) {
    this.#append = append
  }

  async fence(name: string, topic: string): Promise<FencedTopic> {
    const key = `${topic} ${name}`
    const holder = Symbol()
    const held = this.#names.get(key) ?? { holder, underWay: new Set() }
    this.#names.set(key, held)
    held.holder = holder
    // What has begun, by the holder before or by one before that, lands before this resolves, or never.
    await Promise.allSettled(held.underWay)
    return {
      append: async (partition, batch): Promise<Appended> => {
        if (held.holder !== holder) throw fencedOff(topic, name)
        const appending = this.#append(topic, partition, batch)
        held.underWay.add(appending)
        try {
          return await appending
        } finally {
          held.underWay.delete(appending)
        }
      },
    }
  }
}

function fencedOff(topic: string, name: string): PortError {
  const message = `append to ${topic}: another process has taken the place of ${name}`
  return new PortError('LOCKED', message, { curable: false })
}
