import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { WebSocketServer } from 'ws'
import { liveInputs } from '../../lib/collect/inputs.ts'
import { startRun } from '../../lib/collect/run.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { freePort } from '../support/free-port.ts'
import { connected } from './listening.ts'
import { inFolder, openTestPorts } from './ports.ts'
import { wordStream } from './streams.ts'

const MB = 1024 * 1024
const FLOOD_MS = 2500
/** A chunk being read, a block on its way, the inbox, two batches for each of four partitions, and what is not collected yet. */
const MEMORY_BYTES_MAX = 80 * MB
const LINE = Buffer.from(`<13>${'x'.repeat(1019)}\n`)

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A log that takes a batch of a quarter of a megabyte in 100 ms, and keeps nothing: ten megabytes a second at most. */
function slowLog(log: EventLog, onAppend: () => void): EventLog {
  const ends = new Map<number, number>()
  const fence: EventLog['fence'] = async () => ({
    append: async (partition, { count }) => {
      onAppend()
      const baseOffset = ends.get(partition) ?? 0
      ends.set(partition, baseOffset + count)
      await new Promise((resolve) => setTimeout(resolve, 100))
      return { baseOffset, appendTimeMs: Date.now() }
    },
  })
  return new Proxy(log, {
    get: (target, name) => {
      if (name === 'fence') return fence
      if (name === 'maxBatchBytes') return 256 * 1024
      const value: unknown = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

interface Flooded {
  readonly recordsIn: number
  /** Over what was held before. */
  readonly peakBytes: number
}

/** Reads `source` into a slow log for a while, and returns what that cost: what is garbage already does not count. */
async function flood(ports: Ports, source: string): Promise<Flooded> {
  const stop = new AbortController()
  const live = liveInputs([source], { clock: ports.clock, follow: true }) ?? []
  const held = () => {
    collectGarbage()
    const { arrayBuffers, heapUsed } = process.memoryUsage()
    return arrayBuffers + heapUsed
  }
  const before = held()
  let peak = before
  const watching = setInterval(() => {
    peak = Math.max(peak, held())
  }, 100)
  let stopping: NodeJS.Timeout | undefined
  const onAppend = () => {
    stopping ??= setTimeout(() => stop.abort(), FLOOD_MS)
  }
  const running = startRun({
    ports: { ...ports, log: slowLog(ports.log, onAppend) },
    stream: wordStream({ keyed: false }),
    sources: [source],
    live,
    signal: stop.signal,
  })
  const { recordsIn } = await running.finally(() => {
    clearInterval(watching)
    clearTimeout(stopping)
  })
  return { recordsIn, peakBytes: peak - before }
}

async function withPorts(use: (ports: Ports, dir: string) => Promise<void>): Promise<void> {
  await inFolder(async (dir) => {
    const ports = await openTestPorts(join(dir, 'data'))
    try {
      await use(ports, dir)
    } finally {
      await ports.close()
    }
  })
}

describe('memory stays bounded where the log is slow', () => {
  it('with a followed file of 200 MB', () =>
    withPorts(async (ports, dir) => {
      const path = join(dir, 'large.log')
      await writeFile(path, Buffer.alloc(200 * MB, LINE))
      const { recordsIn, peakBytes } = await flood(ports, path)
      expect(recordsIn).toBeGreaterThan(1000)
      expect(recordsIn).toBeLessThan((100 * MB) / LINE.length)
      expect(peakBytes).toBeLessThan(MEMORY_BYTES_MAX)
    }))

  it('with a TCP sender that never pauses: it is made to wait', () =>
    withPorts(async (ports) => {
      const port = await freePort()
      let sentBytes = 0
      let stopped = false
      const sending = (async () => {
        const socket = await connected(port)
        socket.on('error', () => undefined)
        const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
        const chunk = Buffer.alloc(64 * 1024, LINE)
        while (!stopped && !socket.destroyed) {
          const more = socket.write(chunk)
          sentBytes += chunk.length
          if (more) continue
          const drained = new Promise<void>((resolve) => socket.once('drain', () => resolve()))
          await Promise.race([drained, closed])
        }
        socket.destroy()
      })()
      const { recordsIn, peakBytes } = await flood(ports, `syslog+tcp://127.0.0.1:${port}`)
      stopped = true
      await sending
      expect(recordsIn).toBeGreaterThan(1000)
      expect(peakBytes).toBeLessThan(MEMORY_BYTES_MAX)
      expect(sentBytes - recordsIn * LINE.length).toBeLessThan(MEMORY_BYTES_MAX)
    }))

  it('with a WebSocket server that never pauses', () =>
    withPorts(async (ports) => {
      const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
      await once(server, 'listening')
      let sentBytes = 0
      server.on('connection', (socket) => {
        socket.on('error', () => undefined)
        const sending = setInterval(() => {
          while (socket.bufferedAmount < MB && socket.readyState === socket.OPEN) {
            const message = JSON.stringify({ time_us: 1e15 + sentBytes, text: 'x'.repeat(1000) })
            sentBytes += message.length
            socket.send(message)
          }
        }, 2)
        socket.on('close', () => clearInterval(sending))
      })
      const { port } = server.address() as AddressInfo
      const { recordsIn, peakBytes } = await flood(ports, `ws://127.0.0.1:${port}/`)
      server.close()
      expect(recordsIn).toBeGreaterThan(1000)
      // The server is in this process, and leaves as much behind for the collector as the source does.
      expect(peakBytes).toBeLessThan(2 * MEMORY_BYTES_MAX)
      expect(sentBytes - recordsIn * 1030).toBeLessThan(MEMORY_BYTES_MAX)
    }))
})
