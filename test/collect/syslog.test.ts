import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { liveInputs } from '../../lib/collect/inputs.ts'
import { startRun } from '../../lib/collect/run.ts'
import { MESSAGE_BYTES_MAX, TcpFramer } from '../../lib/collect/syslog/tcp-framer.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { freePort } from '../support/free-port.ts'
import { connected } from './listening.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { difference, NO_DIFFERENCE, wordStream } from './streams.ts'
import { until } from './until.ts'

const stream = wordStream({ keyed: false })
const message = (n: number) => `<34>1 2026-11-02T08:00:00Z host app ${n} - - message ${n}`

describe('TcpFramer', () => {
  const texts = (messages: readonly Buffer[]) => messages.map(String)

  it('gives counted and line by line messages as they were, however the bytes are cut', () => {
    const body = fc.string({ minLength: 1, maxLength: 60 }).map((text) => `<13>${text}`)
    const counted = fc.tuple(fc.constant('counted' as const), body)
    const line = fc.tuple(
      fc.constantFrom('\n', '\r\n', '\0'),
      body.map((text) => text.replace(/[\n\r\0]/g, ' ')),
    )
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 200 })
    fc.assert(
      fc.property(fc.array(fc.oneof(counted, line), { maxLength: 30 }), cuts, (frames, sizes) => {
        const bytes = Buffer.concat(
          frames.map(([how, text]) =>
            Buffer.from(how === 'counted' ? `${Buffer.byteLength(text)} ${text}` : `${text}${how}`),
          ),
        )
        const framer = new TcpFramer()
        const got: string[] = []
        let at = 0
        for (const size of sizes) {
          got.push(...texts(framer.push(bytes.subarray(at, at + size))))
          at += size
        }
        got.push(...texts(framer.push(bytes.subarray(at))))
        expect(got).toEqual(frames.map(([, text]) => text))
        expect(framer.finish()).toBeUndefined()
      }),
    )
  })

  it('gives the last message when the connection ends, and no half of a counted one', () => {
    const framer = new TcpFramer()
    expect(framer.push(Buffer.from('<1>whole\n<1>last'))).toHaveLength(1)
    expect(String(framer.finish())).toBe('<1>last')
    framer.push(Buffer.from('20 <1>cut short'))
    expect(framer.finish()).toBeUndefined()
  })

  it('holds no more than a message, whatever is sent', () => {
    const framer = new TcpFramer()
    let messages = 0
    for (let i = 0; i < 64; i++) messages += framer.push(Buffer.alloc(MESSAGE_BYTES_MAX / 16, 'x')).length
    expect(messages).toBe(4)
    expect(texts(framer.push(Buffer.from('99999999 <1>no count\n')))).toEqual(['99999999 <1>no count'])
    expect(texts(framer.push(Buffer.from('2026 a line that begins with a number\n')))).toHaveLength(1)
  })
})

/** Listens while `send` sends, until `count` records are there. */
async function listen(
  ports: Ports,
  url: string,
  count: number,
  send: (values: () => Promise<string[]>) => Promise<void>,
): Promise<string[]> {
  const stop = new AbortController()
  const notices: string[] = []
  const live = liveInputs([url], { clock: ports.clock }) ?? []
  const values = async () => (await everything(ports.log, 'words.raw.g1')).flat().map(({ value }) => value)
  const running = startRun({
    ports,
    stream,
    sources: [url],
    live,
    signal: stop.signal,
    onNotice: (notice) => notices.push(notice),
  })
  running.catch(() => undefined)
  await send(values)
  await until(`${count} messages`, async () => (await values()).length >= count)
  stop.abort()
  expect((await running).finished).toBe(false)
  return values()
}

async function withPorts(use: (ports: Ports) => Promise<void>): Promise<void> {
  await inFolder(async (dir) => {
    const ports = await openTestPorts(dir)
    try {
      await use(ports)
    } finally {
      await ports.close()
    }
  })
}

describe('syslog listeners', () => {
  it('take messages of many connections, counted and line by line, over several starts', () =>
    withPorts(async (ports) => {
      const port = await freePort()
      const url = `syslog+tcp://127.0.0.1:${port}`
      const send = async (first: number) => {
        const sending = [0, 1, 2, 3].map(async (c) => {
          const socket = await connected(port)
          for (let n = first + c; n < first + 2000; n += 4) {
            const text = message(n)
            if (!socket.write(n % 3 === 0 ? `${text.length} ${text}` : `${text}\n`))
              await once(socket, 'drain')
          }
          socket.end()
          await once(socket, 'close')
        })
        await Promise.all(sending)
      }
      await listen(ports, url, 2000, () => send(0))
      const values = await listen(ports, url, 4000, () => send(2000))
      const expected = Array.from({ length: 4000 }, (_, n) => message(n))
      expect(difference(values, expected)).toEqual(NO_DIFFERENCE)
    }))

  it('take datagrams, each a message', () =>
    withPorts(async (ports) => {
      const port = await freePort('udp')
      const url = `syslog+udp://127.0.0.1:${port}`
      const values = await listen(ports, url, 500, async (values) => {
        const socket = createSocket('udp4')
        const send = (text: string) => new Promise((sent) => socket.send(text, port, '127.0.0.1', sent))
        // Nobody says when a datagram finds its listener.
        await until('a first datagram', async () => {
          await send('<34>1 probe')
          return (await values()).length > 0
        })
        for (let n = 0; n < 500; n++) {
          await send(message(n))
          // A datagram may be lost where many wait: the next ones are sent once these are in.
          if (n % 50 === 49)
            await until(`${n} datagrams`, async () => {
              const all = await values()
              return all.filter((value) => !value.endsWith('probe')).length > n
            })
        }
        socket.close()
      })
      expect(values.filter((value) => !value.endsWith('probe')).toSorted()).toEqual(
        Array.from({ length: 500 }, (_, n) => message(n)).toSorted(),
      )
    }))

  it('say where they cannot listen', () =>
    withPorts(async (ports) => {
      const port = await freePort()
      const url = `syslog+tcp://127.0.0.1:${port}`
      const live = () => liveInputs([url], { clock: ports.clock }) ?? []
      const stop = new AbortController()
      const first = startRun({ ports, stream, sources: [url], live: live(), signal: stop.signal })
      ;(await connected(port)).destroy()
      const options = { runId: 'second' }
      const second = startRun({ ports, stream, sources: [url], live: live(), options })
      await expect(second).rejects.toThrow('EADDRINUSE')
      stop.abort()
      await first
      expect(() => liveInputs(['syslog+udp://0.0.0.0'], { clock: ports.clock })).toThrow(
        'say where to listen',
      )
    }))
})
