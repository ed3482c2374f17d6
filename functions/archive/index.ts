import { openPorts } from '#ports'
import { archiveStage } from '../../lib/speed/archive.ts'
import { entryConsumer } from '../../lib/speed/entry-consumer.ts'
import { streamNamed } from '../../streams/index.ts'

const stream = streamNamed(process.env.WEIR_STREAM)
const ports = await openPorts(process.env)

export const handler = entryConsumer(stream.name, archiveStage(stream, ports), ports)
