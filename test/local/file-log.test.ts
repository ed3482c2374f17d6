import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FileLog, type FileLogOptions } from '../../lib/local/file-log.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { eventLogContract, type OpenEventLog } from '../contracts/event-log.ts'

const variants: Record<string, Partial<FileLogOptions>> = {
  'fsync interval': {},
  'fsync always': { fsync: 'always' },
  'fsync never, many segments': { fsync: 'never', segmentBytesMax: 4096 },
}

for (const [name, options] of Object.entries(variants))
  eventLogContract(`FileLog, ${name}`, () => openFileLog(options))

async function openFileLog(options: Partial<FileLogOptions>): Promise<OpenEventLog> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-log-'))
  let log = await FileLog.open({ dir, clock: systemClock, ...options })
  return {
    log,
    reopen: async () => {
      await log.close()
      log = await FileLog.open({ dir, clock: systemClock, ...options })
      return log
    },
    close: async () => {
      await log.close()
      await rm(dir, { recursive: true })
    },
  }
}
