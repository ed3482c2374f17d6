import type { KeyedStore } from '../ports/keyed-store.ts'

/**
 * Keeps one poisonous record from stopping its partition for ever. An attempt is noted before it is made and the note is
 * taken back when it ends in any orderly way, so what is left tells how often the function *died* on this head offset:
 * killed, out of memory, out of time. With each further death fewer records are tried, down to the first alone. A record
 * that has killed the function alone, and more than once, is set aside unprocessed, as a dead letter of stage `guard`.
 */
export interface Attempt {
  /** How many records of the batch to process, from its first. */
  readonly take: number
  /** True: do not process the first record, set it aside; `take` is 1. */
  readonly setAside: boolean
}

/** What is known of the attempts on a head offset that have not ended in an orderly way. */
export interface Note {
  /** Offset of the batch's first record. */
  readonly head: number
  /** Attempts begun. */
  readonly begun: number
  /** Records the last of them took. */
  readonly take: number
  /** Attempts begun that took the first record alone. */
  readonly alone: number
}

/** Deaths at one head offset before fewer records are tried: one may be an unlucky deploy or a killed machine. */
const DEATHS_FREE = 2
/** Deaths of the first record alone before it is set aside. */
const DEATHS_ALONE = 2
/** By what the batch is cut with each further death. */
const CUT = 10

/** Notes the attempt and says what to do. */
export async function beginAttempt(
  keyed: KeyedStore,
  topic: string,
  partition: number,
  batch: { readonly head: number; readonly records: number },
): Promise<Attempt> {
  const item = await keyed.get(pk(topic), String(partition))
  const before = item === undefined ? undefined : (JSON.parse(Buffer.from(item.data).toString()) as Note)
  const { attempt, note } = nextAttempt(before, batch)
  const data = Buffer.from(JSON.stringify(note))
  await keyed.put({ pk: pk(topic), sk: String(partition), rev: String(note.head), data }, 'any')
  return attempt
}

/** What to try, and the note of it. `before`: the note that stands, of this head offset or another. */
export function nextAttempt(
  before: Note | undefined,
  { head, records }: { readonly head: number; readonly records: number },
): { readonly attempt: Attempt; readonly note: Note } {
  const deaths = before?.head === head ? before : { begun: 0, take: records, alone: 0 }
  const cut = deaths.begun >= DEATHS_FREE ? Math.ceil(deaths.take / CUT) : deaths.take
  // A mapping may deliver fewer than before, and a batch that grew again says nothing new.
  const take = Math.min(records, deaths.begun === 0 ? records : cut)
  const setAside = take === 1 && deaths.alone >= DEATHS_ALONE
  const alone = deaths.alone + (take === 1 ? 1 : 0)
  return { attempt: { take, setAside }, note: { head, begun: deaths.begun + 1, take, alone } }
}

/** The attempt ended in an orderly way, well or badly: it was no death. */
export async function endAttempt(keyed: KeyedStore, topic: string, partition: number): Promise<void> {
  await keyed.delete(pk(topic), String(partition), 'any')
}

function pk(topic: string): string {
  return `attempt/${topic}`
}
