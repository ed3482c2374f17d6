import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { u2Event, u2Packet } from '../formats/unified2.ts'

/** Writes unified2 spools as Snort does: events with a packet each, in writes that end anywhere, a new file now and then. */
export class SpoolWriter {
  readonly pattern: string
  readonly #folder: string
  readonly #random: () => number
  #file = 1_700_000_000
  #events = 0

  constructor(folder: string, random: () => number) {
    this.#folder = folder
    this.#random = random
    this.pattern = join(folder, 'snort.u2.*')
  }

  /** So many are written, numbered from 0. */
  get events(): number {
    return this.#events
  }

  async write(): Promise<void> {
    if (this.#random() < 0.2) this.#file += 300
    const count = 20 + Math.floor(this.#random() * 60)
    const bytes = Buffer.concat(Array.from({ length: count }, (_, i) => numbered(this.#events + i)))
    const cut = Math.floor(this.#random() * bytes.length)
    const path = join(this.#folder, `snort.u2.${this.#file}`)
    await appendFile(path, bytes.subarray(0, cut))
    await new Promise((resolve) => setTimeout(resolve, this.#random() * 200))
    await appendFile(path, bytes.subarray(cut))
    this.#events += count
  }
}

/** The number stands in both as text: in the event as the name of an application. */
function numbered(id: number): Buffer {
  return Buffer.concat([u2Event({ type: 104, id, tail: `event ${id} \0` }), u2Packet(id, `packet ${id} `)])
}

/** How often each event is in raw records; and the packets that are in more than once. */
export function eventsIn(values: readonly string[]) {
  const times = (kind: string) => {
    const found = values.flatMap((value) => [...value.matchAll(new RegExp(`${kind} (\\d+) `, 'g'))])
    const counts = new Map<number, number>()
    for (const [, id] of found) counts.set(Number(id), (counts.get(Number(id)) ?? 0) + 1)
    return counts
  }
  const events = times('event')
  return {
    different: events.size,
    doubled: [...events].filter(([, n]) => n > 1).map(([id]) => id),
    packetsDoubled: [...times('packet')].filter(([, n]) => n > 1).map(([id]) => id),
  }
}
