import { openPorts } from '#ports'
import { historyReader } from '../../lib/serve/query/history.ts'
import { scoreHandler } from '../../lib/speed/score.ts'
import { activeScorer } from '../../lib/state/models.ts'
import { activeTables } from '../../lib/state/reference.ts'
import { streamNamed, streams } from '../../streams/index.ts'

const stream = streamNamed(process.env.WEIR_STREAM)
const ports = await openPorts(process.env)

export const handler = scoreHandler(
  stream,
  ports,
  activeScorer(ports, stream),
  activeTables(ports, stream),
  historyReader(ports, stream, streams),
)
