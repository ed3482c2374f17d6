import { epochMsOf } from '../aws/env.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import { checkEpochMs, readEpochMs } from '../state/epoch-length.ts'
import { EPOCH_MS_LOCAL } from '../stream/epoch.ts'

/**
 * The length of an epoch for a data folder, ms: what is recorded there, else WEIR_EPOCH_MS, else a minute. A folder that
 * was made with a length of its own needs no variable to be read again. Rejects with MISCONFIGURED where both differ.
 */
export async function localEpochMs(keyed: KeyedStore, env: NodeJS.ProcessEnv): Promise<number> {
  const asked = epochMsOf(env)
  const recorded = await readEpochMs(keyed)
  if (asked !== undefined) checkEpochMs(asked, recorded)
  return asked ?? recorded ?? EPOCH_MS_LOCAL
}
