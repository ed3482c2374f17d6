import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { FileLog } from '../../lib/local/file-log.ts'
import { Host, hostSocketPath } from '../../lib/local/host.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { HandlerError, WorkerProcess } from '../../lib/local/worker-process.ts'
import type { Publisher } from '../../lib/ports/publisher.ts'

const folder = mkdtempSync(join(tmpdir(), 'weir-worker-process-'))
const socketPath = hostSocketPath(folder)
const log = await FileLog.open({ dir: join(folder, 'log'), clock: systemClock })
const nobody: Publisher = { maxFrameBytes: 1024, send: async () => 'gone', close: async () => undefined }
const host = await Host.listen({ socketPath, log, publisher: nobody })
const worker = new WorkerProcess({
  id: 'train-0',
  functionName: 'train',
  env: { WEIR_DATA: folder, WEIR_HOST: socketPath, WEIR_SITE: 'test' },
  timeoutMs: 60_000,
  idleMs: 100,
})
afterAll(async () => {
  await worker.stop()
  await host.close()
  await log.close()
  rmSync(folder, { recursive: true })
})

/** The function refuses the event: that is an answer too. */
const invoke = () => expect(worker.invoke([Buffer.from('{"stream":"none"}')])).rejects.toThrow(HandlerError)

test('a worker without work ends and starts again; only a death counts as a restart', async () => {
  expect(worker.state).toBe('idle')
  await invoke()
  const { pid } = worker
  expect(worker.state).toBe('up')
  await expect.poll(() => worker.state).toBe('idle')
  expect(worker.pid).toBeUndefined()
  await invoke()
  // From here to the kill nothing waits: no time for it to have no work.
  expect(worker.pid).not.toBe(pid)
  expect(worker.restarts).toBe(0)
  worker.kill()
  await expect.poll(() => worker.state).toBe('down')
  await invoke()
  expect(worker.restarts).toBe(1)
})
