import type { KeyedStore } from '../ports/keyed-store.ts'

/**
 * Keeps one poisonous record from stopping its partition for ever. A batch is noted before it is processed and the note
 * is taken back when it ends in any orderly way, so what is left is the number of times the function *died* on this head
 * offset: killed, out of memory, out of time. With each further death fewer records are tried, down to the first alone;
 * a record that has killed the function alone is set aside unprocessed, as a dead letter of stage `guard`.
 */
export interface Attempt {
  /** How many records of the batch to process, from its first. */
  readonly take: number
  /** True: do not process the first record, set it aside; `take` is 1. */
  readonly setAside: boolean
}

interface Note {
  readonly head: number
  readonly deaths: number
}

/** Deaths at one head offset before fewer records are tried: one may be an unlucky deploy or a killed machine. */
const DEATHS_FREE = 2
/** By what the batch is cut with each further death. */
const CUT = 10

/** Notes the attempt and says what to do. `head`: offset of the batch's first record. */
export async function beginAttempt(
  keyed: KeyedStore,
  topic: string,
  partition: number,
  batch: { readonly head: number; readonly records: number },
): Promise<Attempt> {
  const item = await keyed.get(pk(topic), String(partition))
  const note = item === undefined ? undefined : (JSON.parse(Buffer.from(item.data).toString()) as Note)
  const deaths = note?.head === batch.head ? note.deaths : 0
  await write(keyed, topic, partition, { head: batch.head, deaths: deaths + 1 })
  return attemptAfter(deaths, batch.records)
}

/** What to try after `deaths` deaths on the head of a batch of `records`. */
export function attemptAfter(deaths: number, records: number): Attempt {
  const cuts = Math.max(0, deaths - DEATHS_FREE)
  const take = Math.max(1, Math.floor(records / CUT ** cuts))
  const alreadyAlone = cuts > 0 && Math.floor(records / CUT ** (cuts - 1)) <= 1
  return { take, setAside: alreadyAlone }
}

/** The attempt ended in an orderly way, well or badly: it was no death. */
export async function endAttempt(keyed: KeyedStore, topic: string, partition: number): Promise<void> {
  await keyed.delete(pk(topic), String(partition), 'any')
}

function pk(topic: string): string {
  return `attempt/${topic}`
}

async function write(keyed: KeyedStore, topic: string, partition: number, note: Note): Promise<void> {
  const data = Buffer.from(JSON.stringify(note))
  await keyed.put({ pk: pk(topic), sk: String(partition), rev: String(note.head), data }, 'any')
}
