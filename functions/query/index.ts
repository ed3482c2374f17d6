import { openPorts } from '#ports'
import { queryHandler } from '../../lib/serve/query-api/handler.ts'
import { streams } from '../../streams/index.ts'

const ports = await openPorts(process.env)

export const handler = queryHandler(ports, streams)
