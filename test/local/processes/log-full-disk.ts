/**
 * Appends until the file size limit of this process is met, then a little less: `log-full-disk.ts <folder>`. Prints how
 * the append failed, the log's end after it, and the end after one that fits.
 */
import { FileLog } from '../../../lib/local/file-log.ts'
import { systemClock } from '../../../lib/local/system-clock.ts'
import { PortError } from '../../../lib/ports/errors.ts'
import { recordBatch } from '../../../lib/stream/record-batch.ts'

process.on('SIGXFSZ', () => undefined)
const batch = (count: number, bytes: number) =>
  recordBatch(Array.from({ length: count }, () => ({ value: Buffer.alloc(bytes, 'x') })))

const log = await FileLog.open({ dir: process.argv[2] ?? '', clock: systemClock })
await log.createTopic('t', 1)
await log.append('t', 0, batch(60, 1000))
try {
  await log.append('t', 0, batch(60, 1000))
} catch (error) {
  if (!(error instanceof PortError)) throw error
  const { end } = await log.offsets('t', 0)
  await log.append('t', 0, batch(1, 10))
  const after = (await log.offsets('t', 0)).end
  process.stdout.write(JSON.stringify({ code: error.code, curable: error.curable, end, after }))
}
await log.close()
