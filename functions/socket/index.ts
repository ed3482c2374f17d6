import { openPorts } from '#ports'
import { frameIntervalMs } from '../../lib/serve/frame-interval.ts'
import { Pump } from '../../lib/serve/push.ts'
import { socketHandler } from '../../lib/serve/socket.ts'
import { trendingStreams } from '../../lib/serve/trends/trending-view.ts'
import { streams } from '../../streams/index.ts'

const ports = await openPorts(process.env)
const pump = new Pump(ports, [...streams.values()], { frameIntervalMs: frameIntervalMs(process.env) })

export const handler = socketHandler(ports, pump, trendingStreams(streams.values()))
