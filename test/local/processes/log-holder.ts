/** Holds a log open until it is killed: `log-holder.ts <folder>`. Says `ready`. */
import { FileLog } from '../../../lib/local/file-log.ts'
import { systemClock } from '../../../lib/local/system-clock.ts'

await FileLog.open({ dir: process.argv[2] ?? '', clock: systemClock })
process.stdout.write('ready\n')
setInterval(() => undefined, 1000)
