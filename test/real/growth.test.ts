import { randomUUID } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { NO_PUBLISHER } from '../../bin/with-ports.ts'
import { startRun } from '../../lib/collect/run.ts'
import { Pipeline } from '../../lib/local/pipeline.ts'
import { serverEnv } from '../../lib/local/servers.ts'
import { queryView, viewNamed } from '../../lib/serve/query.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { streamNamed, streams } from '../../streams/index.ts'
import { labelCounts, madeLines } from './network-lines.ts'
import { onServer } from './on-server.ts'
import { startKafka } from './servers/kafka.ts'
import { topicCommand } from './servers/kafka-tools.ts'
import { until } from './until.ts'

const RAW = topicName('network', 'raw')
const ENRICHED = topicName('network', 'enriched')

/** `weir dev` on servers, while somebody else grows its topics. */
onServer('kafka', () => {
  onServer('dynamodb', (dynamodb) => {
    onServer('s3', (s3) => {
      describe('partitions added while the pipeline runs', () => {
        it.each([
          ['enriched grown before raw', [ENRICHED, RAW]],
          ['raw grown alone', [RAW]],
        ])('are served without a restart: %s', { timeout: 240_000 }, async (_, grown) => {
          const kafka = await startKafka()
          const dir = await mkdtemp(join(tmpdir(), 'weir-growth-'))
          const names = { WEIR_TABLE: randomUUID(), WEIR_BUCKET: randomUUID() }
          const at = { brokers: kafka.endpoint, dynamodb: dynamodb.endpoint, s3: s3.endpoint }
          const servers = serverEnv(at, names)
          const stream = streamNamed('network')
          // A thousand records side by side go to one partition: the second run reaches all six.
          const lines = madeLines(10_000)
          const troubles: string[] = []
          const pipeline = await Pipeline.open({
            ...{ data: dir, site: 'real', streams: [stream], servers, publisher: NO_PUBLISHER },
            onTrouble: (message) => troubles.push(message),
          })
          const feed = async (from: number, to: number, ratePerS: number) => {
            const file = join(dir, `${from}.csv`)
            await writeFile(file, `${lines.slice(from, to).join('\n')}\n`)
            return startRun({ ports: pipeline.ports, stream, sources: [file], options: { ratePerS } })
          }
          try {
            pipeline.start()
            const first = feed(0, 3000, 1500)
            const more = String(stream.partitions + 2)
            for (const topic of grown)
              await topicCommand(kafka.jars, kafka.endpoint, [
                '--alter',
                '--topic',
                topic,
                '--partitions',
                more,
              ])
            await first
            await feed(3000, 10_000, 5000)
            const { score } = pipeline.of('network').mappings
            await until('the new partitions are served', () => score.partitions === Number(more), 20_000)
            await pipeline.drained('network')
            expect(score.positions.map((position) => position > 1)).toEqual(Array(6).fill(true))
            const report = await verifyStream(pipeline.ports, stream)
            expect(report.problems).toEqual([])
            expect(report).toMatchObject({ exact: true, complete: true })
            expect(report.partitions.reduce((sum, { rows }) => sum + rows, 0)).toBe(lines.length)
            const view = viewNamed(streams, 'network.byLabel')
            const { rows } = await queryView(pipeline.ports, view, { layer: 'merged' }, Date.now())
            const counts = Object.fromEntries(rows.map(({ key, count }) => [key, count]))
            expect(counts).toEqual(labelCounts(lines))
            expect(troubles).toEqual([])
          } finally {
            await pipeline.stop()
            await kafka.stop()
            await rm(dir, { recursive: true, force: true })
          }
        })
      })
    })
  })
})
