import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmfMetrics } from '../../lib/aws/emf-metrics.ts'
import { openPorts } from '../../lib/aws/ports.ts'
import { Host } from '../../lib/local/host.ts'
import { HostClient } from '../../lib/local/host-client.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { BatchFigures } from '../../lib/ports/metrics.ts'
import { MemoryLog } from '../support/memory-log.ts'
import { testPorts } from '../support/ports.ts'
import { clockContract } from './clock.ts'
import { metricsContract } from './metrics.ts'

clockContract('of this machine', () => systemClock)
clockContract('in Lambda', () => openPorts({}).clock)

metricsContract('lines in the embedded metric format', async () => {
  const lines: string[] = []
  return {
    metrics: new EmfMetrics('here', (line) => void lines.push(line)),
    arrived: async () =>
      lines.map((line): BatchFigures => {
        const { _aws, site, stage, stream, ...figures } = JSON.parse(line) as Record<string, number & string>
        return { stage: String(stage), stream: String(stream), figures }
      }),
    close: async () => undefined,
  }
})

metricsContract('through the main process', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'weir-metrics-'))
  const arrived: BatchFigures[] = []
  const host = await Host.listen({
    socketPath: join(dir, 'host.sock'),
    log: new MemoryLog(),
    publisher: testPorts().publisher,
    onMetrics: (batch) => void arrived.push(batch),
  })
  const client = await HostClient.connect(host.socketPath)
  return {
    metrics: client,
    arrived: async () => arrived,
    close: async () => {
      await client.close()
      await host.close()
      await rm(dir, { recursive: true, force: true })
    },
  }
})
