/**
 * `node bench/real/latency.ts [RATE] [SECONDS]`: from a record's append in Kafka to its alert at a WebSocket client, at a
 * steady rate (5,000 records a second), the whole of Weir on real servers on this machine. Records of the demo's network
 * carry no time of their own: their event time is their append time.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { startRun } from '../../lib/collect/run.ts'
import { trainDemoModel } from '../../lib/local/demo-model.ts'
import { DevServer } from '../../lib/local/dev-server.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import { madeLines } from '../../test/real/network-lines.ts'
import { onServers } from './servers.ts'

const ratePerS = Number(process.argv[2] ?? 5000)
const seconds = Number(process.argv[3] ?? 20)
const WARM_UP_S = 5

await onServers(async (servers, dir) => {
  const { streams } = await import('../../streams/index.ts')
  const stream = streams.get('network')
  if (stream === undefined) throw new Error('there is no stream network')
  const server = await DevServer.start({
    ...{ data: dir, site: 'bench', port: 0, streams: [stream], servers, demo: false },
    onTrouble: console.error,
  })
  try {
    await trainDemoModel(server.pipeline.ports, stream)
    const latenciesMs: number[] = []
    let countFromMs = Infinity
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`)
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
    socket.on('message', (data) => {
      const { alerts = [] } = JSON.parse(String(data)) as { alerts?: readonly Alert[] }
      const nowMs = Date.now()
      for (const { lastSeenMs } of alerts) if (lastSeenMs >= countFromMs) latenciesMs.push(nowMs - lastSeenMs)
    })
    socket.send(JSON.stringify({ action: 'subscribe', channel: 'alerts/network', since: 'start' }))
    const file = join(dir, 'lines.csv')
    await writeFile(file, `${madeLines(ratePerS * (seconds + WARM_UP_S)).join('\n')}\n`)
    countFromMs = Date.now() + WARM_UP_S * 1000
    const { ports } = server.pipeline
    const run = await startRun({ ports, stream, sources: [file], options: { ratePerS } })
    await server.pipeline.drained(stream.name)
    await new Promise((resolve) => setTimeout(resolve, 2000))
    const sorted = latenciesMs.sort((a, b) => a - b)
    const at = (share: number) => sorted[Math.floor(sorted.length * share)]
    console.log(
      `${run.recordsIn} records at ${Math.round(run.recordsIn / run.seconds)}/s, ${sorted.length} alerts: ` +
        `p50 ${at(0.5)} ms, p90 ${at(0.9)} ms, p99 ${at(0.99)} ms, most ${sorted.at(-1)} ms`,
    )
    socket.terminate()
  } finally {
    await server.stop()
  }
})
