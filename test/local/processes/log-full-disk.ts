/**
 * Appends until the file size limit of this process is met in the middle of many appends at once, then one that fits:
 * `log-full-disk.ts <folder>`. Prints how the many failed and the log's end after them, and after the one.
 */
import { FileLog } from '../../../lib/local/file-log.ts'
import { systemClock } from '../../../lib/local/system-clock.ts'
import type { PortError } from '../../../lib/ports/errors.ts'
import { recordBatch } from '../../../lib/stream/record-batch.ts'

process.on('SIGXFSZ', () => undefined)
const batch = (count: number, bytes: number) =>
  recordBatch(Array.from({ length: count }, () => ({ value: Buffer.alloc(bytes, 'x') })))

const log = await FileLog.open({ dir: process.argv[2] ?? '', clock: systemClock })
await log.createTopic('t', 1)
await log.append('t', 0, batch(60, 1000))
const many = await Promise.allSettled(Array.from({ length: 60 }, () => log.append('t', 0, batch(1, 1000))))
const { end } = await log.offsets('t', 0)
await log.append('t', 0, batch(1, 10))
const after = (await log.offsets('t', 0)).end
const errors = many.flatMap((result) => (result.status === 'rejected' ? [result.reason as PortError] : []))
const codes = new Set(errors.map(({ code, curable }) => `${code} ${curable}`))
process.stdout.write(JSON.stringify({ failed: errors.length, codes: [...codes], end, after }))
await log.close()
