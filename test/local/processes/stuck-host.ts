/** A host whose appends never end, to be killed: `stuck-host.ts <folder> <socket>`. Says `ready` once it listens. */
import { FileLog } from '../../../lib/local/file-log.ts'
import { Host } from '../../../lib/local/host.ts'
import { systemClock } from '../../../lib/local/system-clock.ts'
import { heldUp } from '../held-up.ts'

const [dir = '', socketPath = ''] = process.argv.slice(2)
const log = await FileLog.open({ dir, clock: systemClock })
await log.createTopic('t', 1)
const publisher = { maxFrameBytes: 1024, send: async () => 'gone' as const, close: async () => undefined }
await Host.listen({ socketPath, log: heldUp(log, new Promise(() => undefined)), publisher })
process.stdout.write('ready\n')
