import { randomUUID } from 'node:crypto'
import { PortError } from '../../ports/errors.ts'
import type { Item } from '../../ports/keyed-store.ts'
import type { Ports } from '../../ports/ports.ts'
import { padded } from '../../state/padded.ts'
import { checkedTopic } from '../../state/topics.ts'
import type { Stream } from '../../stream/define.ts'
import { topicName } from '../../stream/topic.ts'
import { RunFence } from '../run-fence.ts'

/** A session that took no request for so long may lose its slot. It notices, and takes another. */
const LEASE_MS = 60_000
const RENEW_MS = 20_000
/** Ends of partitions are lower bounds: where to look from, should a request have to be looked for. */
const ENDS_MS = 5_000
const SLOTS_MAX = 10_000

/** One process that takes requests for a stream, of which there may be many at once (each Lambda environment is one). */
export interface IngestSession {
  readonly id: string
  readonly slot: number
  readonly topic: string
  readonly topicId: string
  readonly fence: RunFence
  /** By partition, offsets at or below which every request that has not begun yet will land. */
  ends(): Promise<readonly number[]>
  /** Keeps the slot. Rejects with LOCKED where another has it. */
  renew(): Promise<void>
}

/**
 * Takes a free slot and, with its first append, fences whoever had it. Slots rather than names without number: Kafka and the notes on
 * fencing remember each name (rule 12 of docs/exactness.md).
 */
export async function openIngestSession(ports: Ports, stream: Stream): Promise<IngestSession> {
  const topic = topicName(stream.name, 'raw')
  const { id: topicId, partitions } = await checkedTopic(ports, topic)
  const id = randomUUID()
  const slot = await takeSlot(ports, stream, id)
  const requireHeld = async () => {
    const item = await ports.keyed.get(slotKey(stream), padded(slot))
    if (item?.rev !== id) throw lost(slot)
  }
  let renewedMs = ports.clock.nowMs()
  let ends: { readonly atMs: number; readonly offsets: readonly number[] } | undefined
  return {
    ...{ id, slot, topic, topicId },
    fence: new RunFence({ ports, topic, name: fenceName(ports, stream, slot), requireHeld }),
    async ends() {
      const nowMs = ports.clock.nowMs()
      if (ends === undefined || Math.abs(nowMs - ends.atMs) > ENDS_MS) {
        const asked = Array.from({ length: partitions }, (_, p) => ports.log.offsets(topic, p))
        ends = { atMs: nowMs, offsets: (await Promise.all(asked)).map(({ end }) => end) }
      }
      return ends.offsets
    },
    async renew() {
      const nowMs = ports.clock.nowMs()
      if (Math.abs(nowMs - renewedMs) < RENEW_MS) return
      const put = await ports.keyed.put(slotItem(stream, slot, id, nowMs), { rev: id })
      if (!put.ok) throw lost(slot)
      renewedMs = nowMs
    },
  }
}

/** When it resolves, nothing of whatever session had the slot can land any more. */
export async function fenceSlot(ports: Ports, stream: Stream, topic: string, slot: number): Promise<void> {
  await ports.keyed.put(slotItem(stream, slot, randomUUID(), 0), 'any')
  const name = fenceName(ports, stream, slot)
  await new RunFence({ ports, topic, name, requireHeld: async () => undefined }).current()
}

async function takeSlot({ keyed, clock }: Ports, stream: Stream, session: string): Promise<number> {
  const nowMs = clock.nowMs()
  for (let slot = 0; slot < SLOTS_MAX; slot++) {
    const mine = slotItem(stream, slot, session, nowMs)
    const found = await keyed.get(mine.pk, mine.sk)
    if (found !== undefined && leasedUntilMs(found) > nowMs) continue
    const put = await keyed.put(mine, found === undefined ? 'absent' : { rev: found.rev })
    if (put.ok) return slot
  }
  throw new PortError('THROTTLED', `all ${SLOTS_MAX} ingest slots are taken`, { curable: true })
}

function slotItem(stream: Stream, slot: number, session: string, nowMs: number): Item {
  const untilMs = nowMs === 0 ? 0 : nowMs + LEASE_MS
  const data = Buffer.from(JSON.stringify({ untilMs }))
  return { pk: slotKey(stream), sk: padded(slot), rev: session, data }
}

function leasedUntilMs({ data }: Item): number {
  return (JSON.parse(Buffer.from(data).toString()) as { untilMs: number }).untilMs
}

function slotKey({ name }: Stream): string {
  return `ingest-slot/${name}`
}

function fenceName({ site }: Ports, { name }: Stream, slot: number): string {
  return `weir/${site}/${name}/ingest-${slot}`
}

function lost(slot: number): PortError {
  return new PortError('LOCKED', `another process has taken ingest slot ${slot}`, { curable: false })
}
