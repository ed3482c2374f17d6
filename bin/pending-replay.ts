import { createHash, randomUUID } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { KeyedStore } from '../lib/ports/keyed-store.ts'
import type { Stream } from '../lib/stream/define.ts'
import type { FeedOptions } from './run-options.ts'

/** False where a source gives its bytes once, as standard input does: whatever it gives next time is new. */
export async function canBeReadAgain(sources: readonly string[]): Promise<boolean> {
  for (const source of sources) {
    if (source === '-') return false
    const found = await stat(source).catch(() => undefined)
    if (found !== undefined && !found.isFile() && !found.isDirectory()) return false
  }
  return true
}

/**
 * A replay is finished when its records are processed, not when they are in the log: until then the same command means
 * the same run. Its id is therefore kept here from before the first record until after the last. `new` gives an unfinished
 * one up, for sources that have changed since: what it has put in stays, and its records are counted.
 */
export function pendingReplay(
  keyed: KeyedStore,
  stream: Stream,
  sources: readonly string[],
  options: FeedOptions & { readonly new?: boolean },
) {
  const { shuffle, seed, stamp } = options
  const paths = sources.map((source) => (source === '-' ? source : resolve(source)))
  const plan = JSON.stringify({ paths, shuffle, stamp, seed: shuffle || stamp ? seed : undefined })
  const [pk, sk] = [`replay/${stream.name}`, createHash('sha256').update(plan).digest('hex')]
  return {
    begin: async (): Promise<string> => {
      if (options.runId !== undefined) return options.runId
      const runId = `replay-${sk.slice(0, 8)}-${randomUUID()}`
      const item = { pk, sk, rev: runId, data: new Uint8Array(0) }
      const put = await keyed.put(item, options.new === true ? 'any' : 'absent')
      return put.ok ? runId : (put.current?.rev ?? runId)
    },
    finish: async () => {
      if (options.runId === undefined) await keyed.delete(pk, sk, 'any')
    },
  }
}
