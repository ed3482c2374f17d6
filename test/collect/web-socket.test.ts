import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { on, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { startRun } from '../../lib/collect/run.ts'
import { webSocketInput } from '../../lib/collect/web-socket/web-socket-input.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import type { ChildOrder } from './child.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { difference, NO_DIFFERENCE, wordStream } from './streams.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const START_US = 1_790_000_000_000_000

/**
 * A server in the manner of Jetstream: events in order of `time_us`, some of them at the same one; `?cursor=C` replays those
 * from C on, or after C, depending on the server; then what comes. It ends connections as `mayEnd` says, but not before
 * the client has had a message: who has had none begins with what comes next, and would miss what came meanwhile.
 */
class Feed {
  readonly events: string[] = []
  readonly cursors: (string | null)[] = []
  readonly #server: WebSocketServer
  readonly #clients = new Map<WebSocket, number>()
  #timeUs = START_US

  constructor({ inclusive, mayEnd }: { inclusive: boolean; mayEnd: () => boolean }) {
    this.#server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
    this.#server.on('connection', (socket, request) => {
      const cursor = new URL(request.url ?? '/', 'http://x').searchParams.get('cursor')
      this.cursors.push(cursor)
      const from = cursor === null ? this.events.length : this.#indexOf(Number(cursor), inclusive)
      this.#clients.set(socket, from)
      socket.on('error', () => undefined)
      let hasHad = cursor !== null
      // Answered after the messages before it have been taken.
      socket.on('pong', () => {
        hasHad = true
      })
      const sending = setInterval(() => {
        const at = this.#clients.get(socket) ?? 0
        for (const event of this.events.slice(at, at + 200)) socket.send(event)
        this.#clients.set(socket, Math.min(this.events.length, at + 200))
        if (!hasHad && this.events.length > from) socket.ping()
        if (hasHad && mayEnd()) socket.terminate()
      }, 5)
      socket.on('close', () => {
        clearInterval(sending)
        this.#clients.delete(socket)
      })
    })
  }

  async url(): Promise<URL> {
    if (this.#server.address() === null) await once(this.#server, 'listening')
    return new URL(`ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/subscribe?wanted=posts`)
  }

  /** Three events in ten share the cursor of the one before. */
  publish(count: number, random: () => number): void {
    for (let i = 0; i < count; i++) {
      if (random() >= 0.3) this.#timeUs += 1 + Math.floor(random() * 5000)
      this.events.push(JSON.stringify({ n: this.events.length, kind: 'commit', time_us: this.#timeUs }))
    }
  }

  close(): void {
    for (const socket of this.#server.clients) socket.terminate()
    this.#server.close()
  }

  #indexOf(cursor: number, inclusive: boolean): number {
    const found = this.events.findIndex((event) => {
      const { time_us } = JSON.parse(event) as { time_us: number }
      return inclusive ? time_us >= cursor : time_us > cursor
    })
    return found < 0 ? this.events.length : found
  }
}

/** Until a collector has taken a message: one killed before leaves nothing to go on from. */
async function someTaken({ stdout }: ChildProcessWithoutNullStreams): Promise<void> {
  for await (const [chunk] of on(stdout, 'data')) if (/"recordsIn":[1-9]/.test(String(chunk))) return
}

async function valuesIn(ports: Ports): Promise<string[]> {
  return (await everything(ports.log, 'words.raw.g1')).flat().map(({ value }) => value)
}

describe('a WebSocket source', () => {
  it.each([true, false])(
    `gives each message once over many connections (server replays its cursor: %s, SEED=${SEED})`,
    (inclusive) =>
      inFolder(async (dir) => {
        const random = seededRandom(SEED)
        const feed = new Feed({ inclusive, mayEnd: () => random() < 0.1 })
        const ports = await openTestPorts(dir)
        const stop = new AbortController()
        const url = await feed.url()
        try {
          const live = [webSocketInput({ url, clock: ports.clock, random: () => 0.02 })]
          const stream = wordStream({ keyed: false })
          const running = startRun({ ports, stream, sources: [url.href], live, signal: stop.signal })
          while (feed.cursors.length === 0) await ports.clock.sleep(10)
          for (let round = 0; round < 100; round++) {
            feed.publish(100, random)
            await ports.clock.sleep(10)
          }
          for (let waited = 0; waited < 15_000 && (await valuesIn(ports)).length < 10_000; waited += 50)
            await ports.clock.sleep(50)
          stop.abort()
          await running
          expect(difference(await valuesIn(ports), feed.events)).toEqual(NO_DIFFERENCE)
          expect(feed.cursors.length).toBeGreaterThan(3)
        } finally {
          feed.close()
          await ports.close()
        }
      }),
    40_000,
  )

  it(
    `gives each message once when the collector is killed at random moments (SEED=${SEED})`,
    () =>
      inFolder(async (dir) => {
        const random = seededRandom(SEED + 1)
        const feed = new Feed({ inclusive: true, mayEnd: () => random() < 0.01 })
        const order: ChildOrder = {
          dir,
          keyed: false,
          sources: [(await feed.url()).href],
          options: { checkpointMs: 250 },
          maxBatchBytes: 6000,
          delayMsMax: 5,
        }
        const publishing = setInterval(() => feed.cursors.length > 0 && feed.publish(40, random), 20)
        const start = () =>
          spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), JSON.stringify(order)])
        try {
          for (let lives = 0; lives < 5; lives++) {
            const child = start()
            await (lives === 0 ? someTaken(child) : once(child.stdout, 'data'))
            await new Promise((resolve) => setTimeout(resolve, random() * 700))
            child.kill('SIGKILL')
            await once(child, 'exit')
          }
          clearInterval(publishing)
          const last = start()
          let recordsIn = 0
          last.stdout.on('data', (chunk) => {
            recordsIn = JSON.parse(String(chunk).trim().split('\n').at(-1) ?? '{}').recordsIn ?? recordsIn
          })
          for (let waited = 0; waited < 15_000 && recordsIn < feed.events.length; waited += 100)
            await new Promise((resolve) => setTimeout(resolve, 100))
          last.kill('SIGTERM')
          if (last.exitCode === null) await once(last, 'close')
          const ports = await openTestPorts(dir)
          const values = await valuesIn(ports)
          await ports.close()
          expect(difference(values, feed.events)).toEqual(NO_DIFFERENCE)
          expect(feed.events.length).toBeGreaterThan(1000)
        } finally {
          clearInterval(publishing)
          feed.close()
        }
      }),
    40_000,
  )
})
