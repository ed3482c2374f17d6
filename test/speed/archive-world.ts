import type { ObjectStore } from '../../lib/ports/object-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { archiveStage } from '../../lib/speed/archive.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import type { DeliveredRecord, KafkaEvent, KafkaHandler } from '../../lib/speed/kafka-event.ts'
import type { LostRange } from '../../lib/state/lost.ts'
import { type Entry, writeEntry } from '../../lib/stream/entry.ts'
import type { MemoryObjects } from '../master/memory-objects.ts'
import { testStream } from '../master/test-stream.ts'

/** Numbers in [0, n) that a seed decides: mulberry32. */
export function seeded(seed: number): (n: number) => number {
  let a = seed >>> 0
  return (n) => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * n)
  }
}

export const RAW = 'test.raw.g1'
const ENRICHED = 'test.enriched.g1'
/** When the first record was appended. */
export const START_MS = 1_700_000_000_000

/** What retries of `score` may leave in an enriched partition: origins in order, some again with another verdict. */
export function enrichedPartition(
  random: (n: number) => number,
  origins: number,
  lost: readonly LostRange[],
  stepMs = 1_200_000,
) {
  const log: Entry[] = []
  let next = 0
  for (let attempt = 0; next < origins; attempt++) {
    const from = Math.max(0, next - random(6) * random(2))
    const to = Math.min(origins, Math.max(next, from) + 1 + random(7))
    for (let offset = from; offset < to; offset++)
      if (!lost.some((range) => range.from <= offset && offset < range.to))
        log.push(entryOf(offset, attempt, stepMs))
    next = to
  }
  return log
}

/** Every outcome. By default twenty minutes of append time between two records, so that folders change. */
function entryOf(offset: number, attempt: number, stepMs: number): Entry {
  const appendTime = START_MS + offset * stepMs
  const head = { site: 'here', topic: RAW, partition: 0, offset, appendTime, eventTime: appendTime - 5 }
  if (offset % 11 === 3)
    return { ...head, outcome: 'dead', stage: 'parse', reason: `try ${attempt}`, raw: 'AAEC' }
  if (offset % 7 === 2) return { ...head, outcome: 'drop', rule: `rule ${attempt}`, value: { text: 'x' } }
  return { ...head, outcome: 'ok', score: attempt, value: { text: `t${offset}`, integer: attempt } }
}

/** The entry that counts of each origin: the first in the log. */
export function firstOf(log: readonly Entry[]): readonly Entry[] {
  const first = new Map<number, Entry>()
  for (const entry of log) if (!first.has(entry.offset)) first.set(entry.offset, entry)
  return [...first.values()]
}

export function eventOf(log: readonly Entry[], from: number, to: number): KafkaEvent {
  const records = log.slice(from, to).map(
    (entry, i): DeliveredRecord => ({
      topic: ENRICHED,
      partition: 0,
      offset: from + i,
      timestamp: entry.appendTime + 1,
      timestampType: 'LOG_APPEND_TIME',
      value: Buffer.from(writeEntry(entry)).toString('base64'),
    }),
  )
  return { eventSource: 'aws:kafka', records: { [`${ENRICHED}-0`]: records } }
}

/**
 * Requests to the object store wait here until the test lets one take place, and decides what becomes of it: done, done
 * but the answer lost, not done, or the caller killed while it waits.
 */
export class Gate {
  readonly #waiting: { caller: number; run: () => Promise<void>; fail: () => void }[] = []
  readonly #killed = new Set<number>()

  request<T>(caller: number, act: () => Promise<T>, fate: Fate): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = () => reject(new Error('request failed'))
      const run = async () => {
        const what = fate()
        if (what === 'refused') return fail()
        const answer = await act()
        if (what === 'lost') fail()
        else resolve(answer)
      }
      this.#waiting.push({ caller, run, fail })
    })
  }

  /** The caller's requests, waiting or to come, never take place. */
  kill(caller: number): void {
    this.#killed.add(caller)
  }

  /** Lets one waiting request take place; false where none waits. */
  async step(random: (n: number) => number): Promise<boolean> {
    const live = this.#waiting.filter(({ caller }) => !this.#killed.has(caller))
    const chosen = live[random(Math.max(1, live.length))]
    if (chosen === undefined) return false
    this.#waiting.splice(this.#waiting.indexOf(chosen), 1)
    await chosen.run()
    return true
  }
}

/** What becomes of a request: done, done but the answer lost, or not done. */
export type Fate = () => 'done' | 'lost' | 'refused'

/** `objects` with every request through the gate, as those of one caller. */
export function gatedObjects(objects: MemoryObjects, gate: Gate, caller: number, fate: Fate): ObjectStore {
  return {
    put: (...args) => gate.request(caller, () => objects.put(...args), fate),
    get: (...args) => gate.request(caller, () => objects.get(...args), fate),
    head: (...args) => gate.request(caller, () => objects.head(...args), fate),
    delete: (...args) => gate.request(caller, () => objects.delete(...args), fate),
    list: (prefix) => objects.list(prefix),
    close: async () => undefined,
  }
}

/** A handler of `archive` whose requests to `objects` go through the gate, as those of one invocation. */
export function gatedHandler(
  objects: MemoryObjects,
  gate: Gate,
  caller: number,
  fate: Fate,
  lost: readonly LostRange[],
): KafkaHandler {
  const ports = portsOf(gatedObjects(objects, gate, caller, fate), lost)
  return entryConsumer('test', archiveStage(testStream, ports, { sealItems: 3 }), ports)
}

/** As much of the ports as `archive` may touch: a clock, and the lost ranges of the keyed store. */
function portsOf(objects: ObjectStore, lost: readonly LostRange[]): Ports {
  const forbidden = new Proxy({}, { get: (_, name) => unexpected(String(name)) })
  const keyed = {
    query: async function* () {
      for (const range of lost) yield { pk: '', sk: '', rev: '', data: Buffer.from(JSON.stringify(range)) }
    },
  }
  return {
    site: 'here',
    epochMs: 60_000,
    objects,
    keyed: keyed as unknown as Ports['keyed'],
    log: forbidden as Ports['log'],
    publisher: forbidden as Ports['publisher'],
    metrics: { record: () => undefined },
    clock: { nowMs: () => 0, sleep: async () => undefined },
    close: async () => undefined,
  }
}

function unexpected(name: string): never {
  throw new Error(`archive must not touch ${name}`)
}
