import { dataFolder, openStores } from '../../lib/local/data-folder.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import type { Ports } from '../../lib/ports/ports.ts'

/** Embedded stores in a folder, no log, and a clock that stands at `nowMs` and runs on from there. */
export async function benchPorts(dir: string, nowMs: number, epochMs = 60_000): Promise<Ports> {
  const { keyed, objects } = await openStores(dataFolder(dir))
  const startedMs = Date.now()
  const log = { describeTopic: async () => undefined } as unknown as EventLog
  return {
    site: 'bench',
    epochMs,
    log,
    keyed,
    objects,
    publisher: { maxFrameBytes: 1, send: async () => 'gone', close: async () => undefined },
    metrics: { record: () => undefined },
    clock: {
      nowMs: () => nowMs + Date.now() - startedMs,
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
    close: async () => {
      await keyed.close()
      await objects.close()
    },
  }
}
