import { openPorts } from '#ports'
import { ingestHandler } from '../../lib/collect/ingest/handler.ts'
import { streams } from '../../streams/index.ts'

const ports = await openPorts(process.env)

export const handler = ingestHandler(streams, ports)
