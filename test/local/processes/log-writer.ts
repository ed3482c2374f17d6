/**
 * Appends to a log as fast as it can until it is killed: `log-writer.ts <folder> <fsync> <partitions>`. For each
 * acknowledged append it prints one line: `<partition> <base offset> <count> <id>`; the records are `<id>.<n>`, padded.
 */
import { randomUUID } from 'node:crypto'
import { writeSync } from 'node:fs'
import { FileLog } from '../../../lib/local/file-log.ts'
import { systemClock } from '../../../lib/local/system-clock.ts'
import { recordBatch } from '../../../lib/stream/record-batch.ts'

const [dir = '', fsync = 'interval', partitions = '2'] = process.argv.slice(2)
const log = await FileLog.open({
  dir,
  clock: systemClock,
  fsync: fsync === 'always' || fsync === 'never' ? fsync : 'interval',
  fsyncIntervalMs: 20,
  segmentBytesMax: 200_000,
})
await log.createTopic('t', Number(partitions))

async function write(partition: number, writer: number): Promise<never> {
  for (let i = 0; ; i++) {
    const id = randomUUID()
    const count = 1 + ((i + writer) % 5)
    const records = Array.from({ length: count }, (_, n) => ({
      value: Buffer.from(`${id}.${n}`.padEnd(50 + ((i * 37) % 3000), '-')),
    }))
    const { baseOffset } = await log.append('t', partition, recordBatch(records))
    writeSync(1, `${partition} ${baseOffset} ${count} ${id}\n`)
  }
}

for (let partition = 0; partition < Number(partitions); partition++)
  for (let writer = 0; writer < 4; writer++) void write(partition, writer)
