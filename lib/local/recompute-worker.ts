/**
 * The process of recomputes beside a running pipeline: runs the state machine for one stream and says what came of it. It
 * may be killed at any moment; the same order makes another go on where it was.
 */
import { enableCompileCache } from 'node:module'
import type { RunResult } from '../batch/run-result.ts'
import { RunLostError, RunRefusedError } from '../state/batch-run.ts'

export interface RecomputeOrder {
  readonly stream: string
  readonly run: string
  readonly full?: boolean
}

/** `refused`: another run was under way or was faster: nothing is wrong. */
export type RecomputeReport =
  | { readonly ok: true; readonly result: RunResult }
  | { readonly ok: false; readonly refused: boolean; readonly message: string }

async function recompute({ stream, run, full }: RecomputeOrder): Promise<RecomputeReport> {
  const [{ openPorts }, { runRecompute }, { streamNamed }] = await Promise.all([
    import('./ports.ts'),
    import('./recompute-run.ts'),
    import('../../streams/index.ts'),
  ])
  const ports = await openPorts(process.env)
  try {
    const result = await runRecompute(ports, streamNamed(stream), { run, ...(full === true ? { full } : {}) })
    return { ok: true, result }
  } catch (error) {
    const refused = error instanceof RunRefusedError || error instanceof RunLostError
    return { ok: false, refused, message: error instanceof Error ? error.message : String(error) }
  } finally {
    await ports.close()
  }
}

enableCompileCache()
// Whoever ordered it is gone, and with it the log: the run goes on another time.
process.once('disconnect', () => process.exit(0))
process.once('message', (order: RecomputeOrder) => {
  void recompute(order).then((report) => process.send?.(report, () => process.exit(0)))
})
