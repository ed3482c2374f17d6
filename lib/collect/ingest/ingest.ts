import { createHash, randomUUID } from 'node:crypto'
import { PortError } from '../../ports/errors.ts'
import type { Item } from '../../ports/keyed-store.ts'
import type { Ports } from '../../ports/ports.ts'
import type { Stream } from '../../stream/define.ts'
import { type RecordBlock, recordAt } from '../block.ts'
import { type Landed, nothingLanded, readTail } from '../landed.ts'
import { Lane } from '../lane.ts'
import { RECORD_BYTES_MAX } from '../large-record.ts'
import type { OffsetRange } from '../ranges.ts'
import { type Route, Router } from '../router.ts'
import { RunError } from '../run-error.ts'
import { NO_FLOOR, type RunRecord } from '../run-record.ts'
import { Sender, wholeOf } from '../sender.ts'
import { IngestError } from './ingest-error.ts'
import { fenceSlot, type IngestSession, openIngestSession } from './ingest-session.ts'

/** A request is known by its key for so long. */
const KEPT_S = 7 * 24 * 3600
/** An answer is due within seconds: an append is tried three times. */
const ATTEMPTS_MAX = 3
/** A slot may be lost between any two steps: then it is all done again with another. */
const SLOTS_TRIED = 3

export interface Batch {
  readonly block: RecordBlock
  /** The same request sent again has the same one. Without it a request sent again is other records. */
  readonly key: string | undefined
}

export interface Taken {
  readonly topic: string
  /** Where each record of the request lies. */
  readonly records: readonly { readonly partition: number; readonly offset: number }[]
  /** True where an earlier request of this key had been taken, and nothing was done now. */
  readonly replayed: boolean
}

/** A request with a key, and the sessions of this process that were fenced off at it. */
interface Named {
  readonly key: string
  readonly digest: string
  readonly sessions: Set<string>
}

/** What is kept of a request with a key. */
interface Kept {
  /** Of its records. */
  readonly digest: string
  readonly topicId: string
  /** By partition: it lies above these, if anywhere. */
  readonly startOffsets: readonly number[]
  /** Who was at it last. */
  readonly session: string
  readonly slot: number
  /** By partition, where its records lie: it is done. */
  readonly ranges?: readonly (readonly OffsetRange[])[]
}

/**
 * Takes requests for one stream into its raw topic, whole or not at all as far as the client can tell: a request is a
 * run of its own (rule 12 of docs/exactness.md), its key names the run, and a record's number in it is its position. Sent again
 * under its key, after a time-out or a crash anywhere, it goes on where it was: whoever was at it is fenced off, the tails
 * say what has landed, and the rest is appended.
 */
export class Ingest {
  readonly #ports: Ports
  readonly #stream: Stream
  readonly #underWay = new Map<string, Promise<Taken>>()
  #session: Promise<IngestSession> | undefined

  constructor(ports: Ports, stream: Stream) {
    this.#ports = ports
    this.#stream = stream
  }

  /** Rejects with an IngestError, or a PortError of the log or the stores. */
  async take({ block, key }: Batch): Promise<Taken> {
    if (key === undefined) return this.#attempt(block, undefined)
    const digest = digestOf(block)
    const same = this.#underWay.get(`${key} ${digest}`)
    if (same !== undefined) return { ...(await same), replayed: true }
    const taking = this.#attempt(block, { key, digest, sessions: new Set() })
    this.#underWay.set(`${key} ${digest}`, taking)
    try {
      return await taking
    } finally {
      this.#underWay.delete(`${key} ${digest}`)
    }
  }

  async #attempt(block: RecordBlock, named: Named | undefined): Promise<Taken> {
    for (let attempt = 1; ; attempt++) {
      this.#session ??= openIngestSession(this.#ports, this.#stream)
      const opened = this.#session
      try {
        const session = await opened
        await session.renew()
        return named === undefined
          ? await this.#takeUnnamed(session, block)
          : await this.#takeNamed(session, block, named)
      } catch (error) {
        const lostSlot = error instanceof PortError && error.code === 'LOCKED'
        // A session that could not be opened is opened anew by whoever comes next.
        if (lostSlot || (await opened.catch(() => undefined)) === undefined)
          if (this.#session === opened) this.#session = undefined
        if (lostSlot) named?.sessions.add((await opened).id)
        // Without a key nobody could say what has landed.
        if (!lostSlot || named === undefined || attempt === SLOTS_TRIED) throw error
      }
    }
  }

  async #takeUnnamed(session: IngestSession, block: RecordBlock): Promise<Taken> {
    const landed = (await session.ends()).map(nothingLanded)
    const ranges = await this.#send(session, block, `ingest-${randomUUID()}`, landed)
    return this.#answer(session, block, ranges, false)
  }

  async #takeNamed(
    session: IngestSession,
    block: RecordBlock,
    { key, digest, sessions }: Named,
  ): Promise<Taken> {
    const { keyed, clock } = this.#ports
    const name = createHash('sha256').update(key).digest('hex').slice(0, 40)
    const { id, slot, topicId } = session
    const mine: Kept = { digest, topicId, startOffsets: await session.ends(), session: id, slot }
    const item = (kept: Kept): Item => ({
      pk: `ingest/${this.#stream.name}`,
      sk: name,
      rev: randomUUID(),
      data: Buffer.from(JSON.stringify(kept)),
      expiresAtS: Math.floor(clock.nowMs() / 1000) + KEPT_S,
    })
    const begun = item(mine)
    const put = await keyed.put(begun, 'absent')
    const found = put.ok || put.current?.rev === begun.rev ? undefined : put.current
    if (found === undefined) {
      const ranges = await this.#send(session, block, `ingest-${name}`, mine.startOffsets.map(nothingLanded))
      await keyed.put(item({ ...mine, ranges }), { rev: begun.rev })
      return this.#answer(session, block, ranges, false)
    }
    const kept = JSON.parse(Buffer.from(found.data).toString()) as Kept
    requireSame(kept, mine)
    if (kept.ranges !== undefined) return this.#answer(session, block, kept.ranges, true)
    // Fenced off in the middle of it: whoever did that has it in hand.
    if (sessions.size > 0 && !sessions.has(kept.session)) throw inProgress()
    const taken = { ...kept, session: id, slot }
    const claimed = item(taken)
    const claim = await keyed.put(claimed, { rev: found.rev })
    if (!claim.ok && claim.current?.rev !== claimed.rev) throw inProgress()
    const landed = await this.#whatLanded(session, kept, `ingest-${name}`)
    const ranges = await this.#send(session, block, `ingest-${name}`, landed)
    await keyed.put(item({ ...taken, ranges }), { rev: claimed.rev })
    return this.#answer(session, block, ranges, false)
  }

  /** Holds off whoever was at the request before, and looks. */
  async #whatLanded(session: IngestSession, kept: Kept, run: string): Promise<readonly Landed[]> {
    const { fence, topic } = session
    if (kept.session === session.id) await fence.after(await fence.current())
    else await fenceSlot(this.#ports, this.#stream, topic, kept.slot)
    const tails = kept.startOffsets.map((start, p) =>
      readTail(this.#ports.log, topic, p, run, nothingLanded(start)),
    )
    return Promise.all(tails).catch((error: unknown) => {
      if (!(error instanceof RunError)) throw error
      throw new IngestError(
        'UNKNOWN_OUTCOME',
        'the log no longer holds what an earlier request of this key put there',
      )
    })
  }

  async #send(
    { fence, topic, topicId }: IngestSession,
    block: RecordBlock,
    runId: string,
    landed: readonly Landed[],
  ): Promise<readonly (readonly OffsetRange[])[]> {
    const run: RunRecord = {
      runId,
      plan: { stream: this.#stream.name, sources: [], loop: false },
      state: 'running',
      ...{ topic, topicId, landed },
      startedMs: this.#ports.clock.nowMs(),
      startOffsets: landed.map(({ nextOffset }) => nextOffset),
      floor: NO_FLOOR,
    }
    const common = { ports: this.#ports, stream: this.#stream, random: Math.random }
    const sender = new Sender({ ...common, run, fence, attemptsMax: ATTEMPTS_MAX })
    await sender.take(wholeOf(block, 0, 0))
    await sender.drain()
    return sender.landed.map(({ ranges }) => ranges)
  }

  /** As the sender chooses it. */
  #routeOf(router: Router, record: Buffer, position: number): Route {
    const place = { source: 0, position }
    const route = router.route(record, place)
    const sizeBytes = record.length + (route.key?.length ?? 0)
    const spilled = record.length > RECORD_BYTES_MAX || sizeBytes > Lane.recordBytesMax(this.#ports.log)
    return spilled ? router.byPlace(place) : route
  }

  /** A partition's records lie in the order of the request, so the ranges say where each is. */
  #answer(
    { topic }: IngestSession,
    block: RecordBlock,
    ranges: readonly (readonly OffsetRange[])[],
    replayed: boolean,
  ): Taken {
    const router = new Router(this.#stream, ranges.length)
    const offsets = ranges.map(offsetsOf)
    const records = Array.from({ length: block.count }, (_, position) => {
      const { partition } = this.#routeOf(router, recordAt(block, position), position)
      return { partition, offset: offsets[partition]?.next().value ?? -1 }
    })
    return { topic, records, replayed }
  }
}

function* offsetsOf(ranges: readonly OffsetRange[]): Generator<number, undefined> {
  for (const [from, to] of ranges) for (let offset = from; offset < to; offset++) yield offset
  return undefined
}

function inProgress(): IngestError {
  return new IngestError('IN_PROGRESS', 'this request is being taken; send it again in a moment')
}

function requireSame(kept: Kept, mine: Kept): void {
  if (kept.digest !== mine.digest)
    throw new IngestError(
      'KEY_REUSED',
      'this idempotency key was used for other records: give each request its own',
    )
  if (kept.topicId !== mine.topicId)
    throw new IngestError('UNKNOWN_OUTCOME', 'the topic was made anew since an earlier request of this key')
}

function digestOf(block: RecordBlock): string {
  const hash = createHash('sha256')
  for (let i = 0; i < block.count; i++) {
    const record = recordAt(block, i)
    hash.update(`${record.length} `).update(record)
  }
  return hash.digest('hex')
}
