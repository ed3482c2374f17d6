import { openPorts } from '#ports'
import { frameIntervalMs } from '../../lib/serve/frame-interval.ts'
import { Pump } from '../../lib/serve/push.ts'
import { notifyHandler } from '../../lib/speed/notify.ts'
import { streamNamed } from '../../streams/index.ts'

const stream = streamNamed(process.env.WEIR_STREAM)
const ports = await openPorts(process.env)
const pump = new Pump(ports, [stream], { frameIntervalMs: frameIntervalMs(process.env) })

export const handler = notifyHandler(stream, ports, pump.logOf(stream.name), (partitions, untilMs) =>
  pump.run(stream.name, { owner: partitions[0] ?? 'notify', mine: partitions, untilMs }),
)
