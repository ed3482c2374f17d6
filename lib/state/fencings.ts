import type { EventLog } from '../ports/event-log.ts'
import type { Item } from '../ports/keyed-store.ts'
import type { Ports } from '../ports/ports.ts'
import { recordLost } from './lost.ts'

type Used = Pick<Ports, 'log' | 'keyed'>

/**
 * Fencing on Kafka takes an offset of each partition that no record has (EventLog.fence). Stages that read origins one
 * by one must know such gaps from losses, so each is recorded in the lost ranges as kind `control`.
 *
 * A process that dies between fencing and recording must leave no gap unexplained. Therefore it notes first from which
 * offsets on gaps may come, and whoever next fences, or starts a pipeline, looks through all notes.
 */
interface Note {
  /** By partition: everything below has been looked through. */
  readonly from: readonly number[]
}

const READ_BYTES = 4 * 1024 * 1024

/** To be called before fencing. */
export async function noteFencing({ log, keyed }: Used, topic: string, name: string): Promise<void> {
  const from = (await endsOf(log, topic)).map(({ end }) => end)
  // A note that is there is older, and what it says holds until someone has looked: it stays.
  await keyed.put(noteItem(topic, name, { from }), 'absent')
}

/** Records every gap that a fencing since the notes were taken has left in the topic. */
export async function recordGaps({ log, keyed }: Used, topic: string): Promise<void> {
  const notes: Item[] = []
  for await (const item of keyed.query(pkOf(topic))) notes.push(item)
  if (notes.length === 0) return
  const from: number[] = []
  for (const [partition, { start, end }] of (await endsOf(log, topic)).entries()) {
    const noted = Math.min(...notes.map((item) => readNote(item).from[partition] ?? 0))
    const { gaps, reached } = await gapsIn(log, topic, partition, Math.max(start, noted), end)
    for (const offset of gaps)
      await recordLost(keyed, topic, partition, { from: offset, to: offset + 1, kind: 'control' })
    from.push(reached)
  }
  // Gaps that come later lie above, also those of whoever noted and has not fenced yet.
  for (const item of notes)
    await keyed.put({ ...item, rev: revOf({ from }), data: dataOf({ from }) }, { rev: item.rev })
}

/** Offsets in [from, to) that hold no record, as far as the log can be read now. */
async function gapsIn(
  log: Pick<EventLog, 'read'>,
  topic: string,
  partition: number,
  from: number,
  to: number,
): Promise<{ readonly gaps: readonly number[]; readonly reached: number }> {
  const gaps: number[] = []
  let at = from
  const passTo = (offset: number) => {
    for (; at < offset; at++) gaps.push(at)
  }
  while (at < to) {
    const batches = await log.read(topic, partition, at, READ_BYTES)
    if (batches.length === 0) break
    for (const { baseOffset, records } of batches) {
      passTo(Math.min(to, baseOffset))
      at = Math.max(at, Math.min(to, baseOffset + records.count))
    }
  }
  return { gaps, reached: at }
}

async function endsOf(log: EventLog, topic: string) {
  const { partitions = 0 } = (await log.describeTopic(topic)) ?? {}
  return Promise.all(Array.from({ length: partitions }, (_, partition) => log.offsets(topic, partition)))
}

function noteItem(topic: string, name: string, note: Note): Item {
  return { pk: pkOf(topic), sk: name, rev: revOf(note), data: dataOf(note) }
}

function readNote({ data }: Item): Note {
  return JSON.parse(Buffer.from(data).toString()) as Note
}

function dataOf(note: Note): Buffer {
  return Buffer.from(JSON.stringify(note))
}

function revOf({ from }: Note): string {
  return from.join(',')
}

function pkOf(topic: string): string {
  return `fencing/${topic}`
}
