/**
 * `node bench/real/replay.ts [FILE]`: replays a file of KDD Cup 1999 through the whole of Weir on real Kafka, DynamoDB
 * Local and an S3 server, all on this machine, and prints records a second: of all, and of each stage while it works.
 */
import { table } from '../../bin/table.ts'
import { NO_PUBLISHER } from '../../bin/with-ports.ts'
import { startRun } from '../../lib/collect/run.ts'
import { Pipeline } from '../../lib/local/pipeline.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import { streamNamed } from '../../streams/index.ts'
import { KDD_FILE } from '../../test/real/network-lines.ts'
import { onServers } from './servers.ts'

const file = process.argv[2] ?? KDD_FILE
const stream = streamNamed('network')

await onServers(async (servers, dir) => {
  const stages = new Map<string, { records: number; busyMs: number }>()
  const pipeline = await Pipeline.open({
    ...{ data: dir, site: 'bench', streams: [stream], servers, publisher: NO_PUBLISHER },
    onDelivery: (_, { mapping, records, durationMs }) => {
      const { records: before, busyMs } = stages.get(mapping) ?? { records: 0, busyMs: 0 }
      stages.set(mapping, { records: before + records, busyMs: busyMs + durationMs })
    },
    onTrouble: console.error,
  })
  try {
    pipeline.start()
    const startedMs = performance.now()
    const { recordsIn, seconds } = await startRun({ ports: pipeline.ports, stream, sources: [file] })
    await pipeline.drained(stream.name)
    const allS = (performance.now() - startedMs) / 1000
    const rows = [...stages].map(([stage, { records, busyMs }]) => [
      stage,
      records,
      Math.round((records / busyMs) * 1000),
    ])
    console.log(
      table(
        ['stage', 'records', 'records/s while working'],
        [['collect', recordsIn, Math.round(recordsIn / seconds)], ...rows],
      ),
    )
    console.log(
      `all: ${recordsIn} records in ${allS.toFixed(1)} s, ${Math.round(recordsIn / allS)} records/s`,
    )
    const { exact, complete } = await verifyStream(pipeline.ports, stream)
    console.log(`verify: exact ${exact}, complete ${complete}`)
  } finally {
    await pipeline.stop()
  }
})
