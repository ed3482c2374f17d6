import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { startRun } from '../../lib/collect/run.ts'
import { trainDemoModel } from '../../lib/local/demo-model.ts'
import { DevServer } from '../../lib/local/dev-server.ts'
import type { ServerEnv } from '../../lib/local/servers.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import { network } from '../../streams/network.ts'
import { madeLines } from '../../test/real/network-lines.ts'

/** The figures to reach at a steady 5,000 records a second. */
const TARGET_MS = { p50: 50, p99: 250 }
const WARM_UP_S = 5
/** For how long after the last record an alert may still come before it is taken for missing. */
const LAST_MS_MAX = 30_000

/**
 * Measures and prints the time from a record's append to its alert at a WebSocket client, at a steady rate, all of Weir on
 * this machine. Records of the demo's network carry no time of their own: their event time is their append time. Throws
 * where alerts are missing.
 */
export async function printAppendToAlert(
  dir: string,
  servers: ServerEnv,
  { ratePerS, seconds }: { readonly ratePerS: number; readonly seconds: number },
): Promise<void> {
  const server = await DevServer.start({
    ...{ data: dir, site: 'bench', port: 0, streams: [network], servers, demo: false },
    onTrouble: console.error,
  })
  try {
    await trainDemoModel(server.pipeline.ports, network)
    const file = join(dir, 'lines.csv')
    await writeFile(file, `${madeLines(ratePerS * (seconds + WARM_UP_S)).join('\n')}\n`)
    const client = await AlertClient.open(`${server.url.replace('http', 'ws')}/ws`)
    client.countFromMs = Date.now() + WARM_UP_S * 1000
    const { ports } = server.pipeline
    const run = await startRun({ ports, stream: network, sources: [file], options: { ratePerS } })
    await server.pipeline.drained(network.name)
    await client.allOf(server.pipeline.ports)
    client.close()
    console.log(
      `${cpus()[0]?.model.trim()} x ${availableParallelism()}, Node ${process.version}; load average ${loadavg()[0]?.toFixed(1)}`,
    )
    console.log(
      `${run.recordsIn} records at ${Math.round(run.recordsIn / run.seconds)}/s; the first ${WARM_UP_S} s are not counted`,
    )
    client.print()
  } finally {
    await server.stop()
  }
}

/** A WebSocket client that notes how long ago the record of each alert was appended. */
class AlertClient {
  /** Alerts of records appended earlier are not counted. */
  countFromMs = Number.POSITIVE_INFINITY
  readonly #socket: WebSocket
  readonly #ids = new Set<string>()
  readonly #latenciesMs: number[] = []

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.on('message', (data) => this.#take(String(data)))
  }

  static async open(url: string): Promise<AlertClient> {
    const socket = new WebSocket(url)
    await once(socket, 'open')
    const client = new AlertClient(socket)
    const channel = `alerts/${network.name}`
    socket.send(JSON.stringify({ action: 'subscribe', channel, since: 'start' }))
    return client
  }

  #take(message: string): void {
    const nowMs = Date.now()
    const { alerts = [] } = JSON.parse(message) as { alerts?: readonly Alert[] }
    for (const { id, lastSeenMs } of alerts) {
      // A push may repeat what was sent.
      if (this.#ids.has(id)) continue
      this.#ids.add(id)
      if (lastSeenMs >= this.countFromMs) this.#latenciesMs.push(nowMs - lastSeenMs)
    }
  }

  /** Waits for every alert there is. */
  async allOf(ports: Pick<Ports, 'keyed' | 'objects' | 'clock'>): Promise<void> {
    const { total } = await new AlertLog(network.name, ports).end()
    const untilMs = Date.now() + LAST_MS_MAX
    while (this.#ids.size < total && Date.now() < untilMs) await systemClock.sleep(20)
    if (this.#ids.size !== total)
      throw new Error(`${total} alerts are stored, ${this.#ids.size} came to the client`)
  }

  print(): void {
    const sorted = this.#latenciesMs.sort((a, b) => a - b)
    const at = (share: number) =>
      sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
    console.log(`${sorted.length} alerts, append to client:`)
    console.log(`p50   ${at(0.5)} ms (target ${TARGET_MS.p50})`)
    console.log(`p90   ${at(0.9)} ms`)
    console.log(`p99   ${at(0.99)} ms (target ${TARGET_MS.p99})`)
    console.log(`most  ${at(1)} ms`)
  }

  close(): void {
    this.#socket.terminate()
  }
}
