import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves once the condition holds; rejects after `timeoutMs`, saying what was waited for. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 90_000,
): Promise<void> {
  const untilMs = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() > untilMs) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`)
    await sleep(50)
  }
}
