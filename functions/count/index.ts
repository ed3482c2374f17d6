import { openPorts } from '#ports'
import { countStage } from '../../lib/speed/count.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import { streamNamed } from '../../streams/index.ts'

const stream = streamNamed(process.env.WEIR_STREAM)
const ports = await openPorts(process.env)

export const handler = entryConsumer(stream.name, countStage(stream, ports), ports)
