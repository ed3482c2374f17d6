import { openPorts } from '#ports'
import { frameIntervalMs } from '../../lib/serve/frame-interval.ts'
import { Pump } from '../../lib/serve/push.ts'
import { countStage } from '../../lib/speed/count.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import { pushAfter } from '../../lib/speed/push-after.ts'
import { streamNamed } from '../../streams/index.ts'

const stream = streamNamed(process.env.WEIR_STREAM)
const ports = await openPorts(process.env)
const pump = new Pump(ports, [stream], { frameIntervalMs: frameIntervalMs(process.env) })
const count = entryConsumer(stream.name, countStage(stream, ports, {}, pump.logOf(stream.name)), ports)
/** Notify works on the same partitions: its leases are not count's to take over. */
const owner = (partition: string) => `count ${partition}`

/** Patterns raise alerts, and who raises alerts pushes them. */
export const handler =
  Object.keys(stream.patterns).length === 0
    ? count
    : pushAfter(stream.name, ports, count, (partitions, untilMs) =>
        pump.run(stream.name, { owner: owner(partitions[0] ?? ''), mine: partitions.map(owner), untilMs }),
      )
