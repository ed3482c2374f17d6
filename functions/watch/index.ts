import { openPorts } from '#ports'
import { frameIntervalMs } from '../../lib/serve/frame-interval.ts'
import { Watch, watchHandler } from '../../lib/serve/watch.ts'
import { streams } from '../../streams/index.ts'

const ports = await openPorts(process.env)
const watch = new Watch(ports, [...streams.values()], { frameIntervalMs: frameIntervalMs(process.env) })

export const handler = watchHandler(ports, watch)
