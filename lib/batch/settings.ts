import { PortError } from '../ports/errors.ts'

/** What a deployment chooses about its recomputes. */
export interface BatchSettings {
  /** An epoch is covered this long after its end at the earliest: longer than clocks differ and an append takes. */
  readonly slackMs: number
  /** What a swap replaces stays this long: longer than every cache and query. */
  readonly graceMs: number
  /** A run that says nothing for so long may be taken over. Longer than any of its steps. */
  readonly leaseMs: number
}

export const DEPLOYED: BatchSettings = { slackMs: 300_000, graceMs: 3_600_000, leaseMs: 20 * 60_000 }
export const LOCAL: BatchSettings = { slackMs: 2_000, graceMs: 3_600_000, leaseMs: 30_000 }

/** WEIR_SLACK_MS, WEIR_GRACE_MS and WEIR_LEASE_MS, or the defaults. Throws MISCONFIGURED on what is no number of ms. */
export function batchSettings(env: NodeJS.ProcessEnv, defaults: BatchSettings): BatchSettings {
  return {
    slackMs: wholeMs(env, 'WEIR_SLACK_MS') ?? defaults.slackMs,
    graceMs: wholeMs(env, 'WEIR_GRACE_MS') ?? defaults.graceMs,
    leaseMs: wholeMs(env, 'WEIR_LEASE_MS') ?? defaults.leaseMs,
  }
}

function wholeMs(env: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = env[name]
  if (!text) return undefined
  const ms = Number(text)
  if (Number.isSafeInteger(ms) && ms >= 0) return ms
  throw new PortError('MISCONFIGURED', `${name} is ${JSON.stringify(text)}, expected whole milliseconds`, {
    curable: false,
  })
}
