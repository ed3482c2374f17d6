import type { BatchSettings } from '../../lib/batch/settings.ts'
import { runRecompute } from '../../lib/local/recompute-run.ts'
import { masterRows } from '../../lib/master/read.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { queryView } from '../../lib/serve/query.ts'
import { type BatchIndex, batchPrefix } from '../../lib/state/batch-index.ts'
import { readBatchPointer } from '../../lib/state/batch-pointer.ts'
import { readBatchIndex } from '../../lib/state/batch-read.ts'
import { readRetractions } from '../../lib/state/retractions.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { compileView, type States, type View } from '../../lib/views/view.ts'

export const SETTINGS: BatchSettings = { slackMs: 2_000, graceMs: 3_600_000, leaseMs: 30_000 }

let runs = 0

/** A recompute by the state machine, under a run id of its own unless one is given. */
export function recompute(
  ports: Ports,
  stream: Stream,
  options: Partial<Parameters<typeof runRecompute>[2]> = {},
) {
  return runRecompute(ports, stream, { run: `run-${++runs}`, settings: SETTINGS, waitMs: 0, ...options })
}

export function viewsOf(stream: Stream): readonly View[] {
  return Object.entries(stream.views).map(([name, definition]) => compileView(stream.name, name, definition))
}

/** What the merged query answers, as rows of [key, slot start, aggregates]. */
export async function answers(ports: Ports, view: View): Promise<readonly unknown[]> {
  const { rows } = await queryView(ports, view, { bySlot: true }, ports.clock.nowMs())
  return rows.map(({ key, from, to: _to, fields: _fields, ...aggregates }) => [key, from, aggregates])
}

/** What every record of the master that is not retracted makes, one by one: nothing of the batch layer or of boards. */
export async function oracle(ports: Ports, stream: Stream, view: View): Promise<readonly unknown[]> {
  const gone = await readRetractions(ports.keyed, stream.name)
  const cells = new Map<string, { key: string; slot: number; states: States }>()
  for await (const entries of masterRows(ports, stream))
    for (const entry of entries) {
      const { topic, partition, offset } = entry
      if (
        gone.some((r) => r.topic === topic && r.partition === partition && r.from <= offset && offset < r.to)
      )
        continue
      const slot = view.slotOf(entry.eventTime)
      for (const key of view.keysOf(entry)) {
        const id = `${key} ${slot}`
        const cell = cells.get(id) ?? { key, slot, states: view.empty }
        cells.set(id, { ...cell, states: view.add(cell.states, entry) })
      }
    }
  return [...cells.values()]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : a.slot - b.slot))
    .map(({ key, slot, states }) => [
      key.replaceAll('\u001f', '|'),
      new Date(slot).toISOString(),
      view.answer(states),
    ])
}

/** The indexes that the pointer names, by view. */
export async function indexes(ports: Ports, stream: Stream): Promise<Readonly<Record<string, BatchIndex>>> {
  const pointer = await readBatchPointer(ports.keyed, stream.name)
  const all: Record<string, BatchIndex> = {}
  for (const [name, entry] of Object.entries(pointer?.views ?? {}))
    all[name] = await readBatchIndex(ports.objects, entry)
  return all
}

/** Names of the segments by view and chunk. */
export async function segmentNames(ports: Ports, stream: Stream): Promise<readonly string[]> {
  return Object.entries(await indexes(ports, stream))
    .flatMap(([view, { chunks }]) =>
      chunks.map(({ from, segments }) => `${view} ${from} ${segments.map(({ name }) => name).join(' ')}`),
    )
    .sort()
}

export async function batchObjects(ports: Ports, stream: Stream, part = ''): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { key } of ports.objects.list(batchPrefix(stream.name)))
    if (key.includes(part)) keys.push(key)
  return keys
}
