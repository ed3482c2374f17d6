/** One frame a second and connection, so that a storm of alerts costs no more than a breeze. */
const DEPLOYED_MS = 1_000

/** Milliseconds between frames of one connection: WEIR_FRAME_INTERVAL_MS, or a second. */
export function frameIntervalMs(env: NodeJS.ProcessEnv): number {
  const text = env.WEIR_FRAME_INTERVAL_MS
  if (text === undefined || text === '') return DEPLOYED_MS
  const ms = Number(text)
  if (Number.isInteger(ms) && ms >= 0 && ms <= 60_000) return ms
  throw new Error(
    `WEIR_FRAME_INTERVAL_MS must be whole milliseconds, 0 to 60000; got ${JSON.stringify(text)}`,
  )
}
