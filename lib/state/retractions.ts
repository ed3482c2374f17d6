import { createHash } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import { parseTopic } from '../stream/topic.ts'
import { padded } from './padded.ts'

/**
 * A recorded statement that raw offsets [from, to) of a partition are no facts. The master keeps their records for ever;
 * recomputes whose plan was made after it leave them out of every view, and it is complete once such a one has been
 * published with a horizon above their epochs.
 */
export interface Retraction {
  /** A digest of the stretch: recorded twice, it is one. */
  readonly id: string
  /** Raw topic. */
  readonly topic: string
  readonly partition: number
  readonly from: number
  readonly to: number
  readonly reason: string
  readonly recordedMs: number
  /** Where it was taken back, which is recorded as well: from the next plan on the records are facts again. */
  readonly withdrawn?: Recorded
  /** Where it was recorded anew: how it was recorded and withdrawn before, oldest first. */
  readonly earlier?: readonly (Recorded & { readonly withdrawn: Recorded })[]
}

interface Recorded {
  readonly reason: string
  readonly recordedMs: number
}

export type RetractedStretch = Pick<Retraction, 'topic' | 'partition' | 'from' | 'to'>

const TRIES_MAX = 20

/**
 * Records that a stretch is no facts. Resolves with the retraction as it stands: the first one recorded for exactly this
 * stretch, recorded anew where that was withdrawn. Throws a RangeError for an empty stretch or another kind of topic.
 */
export async function recordRetraction(
  keyed: KeyedStore,
  stretch: RetractedStretch,
  reason: string,
  nowMs: number,
): Promise<Retraction> {
  checkStretch(stretch)
  const { topic, partition, from, to } = stretch
  const fresh = { id: idOf(stretch), topic, partition, from, to, reason, recordedMs: nowMs }
  return change(keyed, stretch, (stands) => {
    if (stands === undefined) return fresh
    if (stands.withdrawn === undefined) return stands
    const { reason, recordedMs, withdrawn, earlier = [] } = stands
    return { ...fresh, earlier: [...earlier, { reason, recordedMs, withdrawn }] }
  })
}

/** Takes a retraction back; undefined where none has that id. One that is withdrawn already stays as it is. */
export async function withdrawRetraction(
  keyed: KeyedStore,
  stream: string,
  id: string,
  reason: string,
  nowMs: number,
): Promise<Retraction | undefined> {
  const found = (await allRetractions(keyed, stream)).find((one) => one.id === id)
  if (found === undefined) return undefined
  return change(keyed, found, (stands = found) =>
    stands.withdrawn === undefined ? { ...stands, withdrawn: { reason, recordedMs: nowMs } } : stands,
  )
}

/** Every retraction of a stream there ever was, withdrawn ones too, in order of topic, partition and offset. */
export async function allRetractions(keyed: KeyedStore, stream: string): Promise<readonly Retraction[]> {
  const all: Retraction[] = []
  for await (const item of keyed.query(pkOf(stream))) all.push(retractionOf(item))
  return all
}

/** The retractions of a stream that hold, in order of topic, partition and offset. */
export async function readRetractions(keyed: KeyedStore, stream: string): Promise<readonly Retraction[]> {
  return (await allRetractions(keyed, stream)).filter(({ withdrawn }) => withdrawn === undefined)
}

/** Raw offsets [from, to) of one partition that are retracted: ascending, disjoint, none touching the next. */
export function retractedRanges(
  retractions: Iterable<RetractedStretch>,
  topic: string,
  partition: number,
): readonly { readonly from: number; readonly to: number }[] {
  const here = [...retractions]
    .filter((one) => one.topic === topic && one.partition === partition)
    .sort((a, b) => a.from - b.from)
  const ranges: { from: number; to: number }[] = []
  for (const { from, to } of here) {
    const last = ranges.at(-1)
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to)
    else ranges.push({ from, to })
  }
  return ranges
}

/**
 * A digest (sha256, hex) of which records the retractions leave out: the same for the same records, however the
 * stretches were cut, in what order and why they were recorded.
 */
export function retractionsDigest(retractions: Iterable<RetractedStretch>): string {
  const list = [...retractions]
  const places = new Map(list.map((one) => [`${one.topic} ${padded(one.partition)}`, one]))
  const lines = [...places.keys()].sort().flatMap((place) => {
    const { topic = '', partition = 0 } = places.get(place) ?? {}
    return retractedRanges(list, topic, partition).map(
      ({ from, to }) => `${topic} ${partition} ${from} ${to}`,
    )
  })
  return createHash('sha256').update(lines.join('\n')).digest('hex')
}

async function change(
  keyed: KeyedStore,
  stretch: RetractedStretch,
  next: (stands: Retraction | undefined) => Retraction,
): Promise<Retraction> {
  const pk = pkOf(parseTopic(stretch.topic).stream)
  const sk = `${stretch.topic}/${padded(stretch.partition)}/${padded(stretch.from)}/${idOf(stretch)}`
  let current = await keyed.get(pk, sk)
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const stands = current && retractionOf(current)
    const after = next(stands)
    if (after === stands) return stands
    const rev = String(Number(current?.rev ?? 0) + 1)
    const item = { pk, sk, rev, data: Buffer.from(JSON.stringify(after)) }
    const result = await keyed.put(item, current === undefined ? 'absent' : { rev: current.rev })
    if (result.ok) return after
    current = result.current
  }
  throw new PortError('THROTTLED', `${pk} ${sk} changed ${TRIES_MAX} times under one write`, {
    curable: true,
  })
}

function checkStretch({ topic, partition, from, to }: RetractedStretch): void {
  if (parseTopic(topic).kind !== 'raw')
    throw new RangeError(`retractions name raw offsets; ${topic} is not a raw topic`)
  if (![partition, from, to].every((n) => Number.isSafeInteger(n) && n >= 0) || to <= from)
    throw new RangeError(`nothing lies in [${from}, ${to}) of ${topic}-${partition}`)
}

function idOf({ topic, partition, from, to }: RetractedStretch): string {
  return createHash('sha256').update(`${topic} ${partition} ${from} ${to}`).digest('hex').slice(0, 12)
}

function retractionOf({ data }: Item): Retraction {
  return JSON.parse(Buffer.from(data).toString()) as Retraction
}

function pkOf(stream: string): string {
  return `retractions/${stream}`
}
