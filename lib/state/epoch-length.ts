import { PortError } from '../ports/errors.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'

/**
 * The length of an epoch is chosen once for a deployment and recorded with its first board: epoch numbers are in the
 * keys of boards and in horizons, and of another length they would name other records.
 */
const PK = 'settings'
const SK = 'epoch'

/** The recorded length, ms; undefined before the first board. */
export async function readEpochMs(keyed: KeyedStore): Promise<number | undefined> {
  const item = await keyed.get(PK, SK)
  return item === undefined ? undefined : (JSON.parse(Buffer.from(item.data).toString()) as number)
}

/** Records the length where none is. Rejects with MISCONFIGURED where another one is. */
export async function settleEpochMs(keyed: KeyedStore, epochMs: number): Promise<void> {
  const data = Buffer.from(JSON.stringify(epochMs))
  const recorded = await readEpochMs(keyed)
  if (
    recorded === undefined &&
    (await keyed.put({ pk: PK, sk: SK, rev: String(epochMs), data }, 'absent')).ok
  )
    return
  checkEpochMs(epochMs, recorded ?? (await readEpochMs(keyed)))
}

/** Throws MISCONFIGURED where a length is recorded and is not `epochMs`. */
export function checkEpochMs(epochMs: number, recorded: number | undefined): void {
  if (recorded === undefined || recorded === epochMs) return
  const message = `the epoch is to be ${epochMs} ms, but this deployment's boards are cut by ${recorded} ms: set WEIR_EPOCH_MS back to it`
  throw new PortError('MISCONFIGURED', message, { curable: false })
}
