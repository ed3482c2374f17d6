import { PortError } from '../ports/errors.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import type { View } from '../views/view.ts'
import { batchKey } from './batch-pointer.ts'
import { versionName } from './view-since.ts'

/**
 * Epochs before which boards have been deleted, by view version. It is recorded before the first board is deleted, so a
 * query that reads boards and then finds its horizon at or above it has missed none (rule 8 of docs/exactness.md).
 */
export type Expired = Readonly<Record<string, number>>

const EXPIRED = 'expired'
const TRIES_MAX = 20

/**
 * The epoch before which boards of a view may be gone; 0: none are. To be asked for AFTER the boards were read: where it is
 * above the horizon the query went by, the query must start again with the pointer as it stands now, and fail at last.
 */
export async function readExpiredBefore(keyed: KeyedStore, stream: string, view: View): Promise<number> {
  return (await readAllExpired(keyed, stream))[versionName(view)] ?? 0
}

/** Of all view versions of a stream of which boards were ever to be deleted. */
export async function readAllExpired(keyed: KeyedStore, stream: string): Promise<Expired> {
  const item = await keyed.get(batchKey(stream), EXPIRED)
  return item === undefined ? {} : expiredOf(item.data)
}

/** Raises the epochs before which boards may be gone. Never lowers one. */
export async function recordExpired(keyed: KeyedStore, stream: string, before: Expired): Promise<void> {
  const pk = batchKey(stream)
  let current = await keyed.get(pk, EXPIRED)
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const merged: Record<string, number> = current === undefined ? {} : { ...expiredOf(current.data) }
    const raised = Object.entries(before).filter(([name, epoch]) => epoch > (merged[name] ?? 0))
    if (raised.length === 0) return
    for (const [name, epoch] of raised) merged[name] = epoch
    const rev = String(Number(current?.rev ?? 0) + 1)
    const item = { pk, sk: EXPIRED, rev, data: Buffer.from(JSON.stringify(merged)) }
    const result = await keyed.put(item, current === undefined ? 'absent' : { rev: current.rev })
    if (result.ok) return
    current = result.current
  }
  throw new PortError('THROTTLED', `${pk} ${EXPIRED} changed ${TRIES_MAX} times under one write`, {
    curable: true,
  })
}

function expiredOf(data: Uint8Array): Expired {
  return JSON.parse(Buffer.from(data).toString()) as Expired
}
