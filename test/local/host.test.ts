import { once } from 'node:events'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileLog } from '../../lib/local/file-log.ts'
import { Host, hostSocketPath } from '../../lib/local/host.ts'
import { HostClient } from '../../lib/local/host-client.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import type { BatchFigures } from '../../lib/ports/metrics.ts'
import type { Publisher } from '../../lib/ports/publisher.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { eventLogContract } from '../contracts/event-log.ts'
import { publisherContract } from '../contracts/publisher.ts'
import { startChild } from './child.ts'
import { heldUp } from './held-up.ts'
import { openWsSite } from './ws-client.ts'

const nobody: Publisher = { maxFrameBytes: 1024, send: async () => 'gone', close: async () => undefined }
const hello = recordBatch([{ value: Buffer.from('hello') }])

eventLogContract('FileLog through HostClient', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-host-'))
  const socketPath = hostSocketPath(dir)
  const open = async () => {
    const log = await FileLog.open({ dir: join(dir, 'log'), clock: systemClock })
    const host = await Host.listen({ socketPath, log, publisher: nobody })
    return { log, host, client: await HostClient.connect(socketPath) }
  }
  let all = await open()
  const close = async () => {
    await all.client.close()
    await all.host.close()
    await all.log.close()
  }
  return {
    log: all.client,
    reopen: async () => {
      await close()
      all = await open()
      return all.client
    },
    close: async () => {
      await close()
      rmSync(dir, { recursive: true })
    },
  }
})

publisherContract('WsPublisher through HostClient', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'weir-host-'))
  const site = await openWsSite()
  const log = await FileLog.open({ dir: join(dir, 'log'), clock: systemClock })
  const host = await Host.listen({ socketPath: hostSocketPath(dir), log, publisher: site.publisher })
  const client = await HostClient.connect(host.socketPath)
  return {
    publisher: client,
    connect: site.connect,
    close: async () => {
      await client.close()
      await host.close()
      await log.close()
      await site.close()
      rmSync(dir, { recursive: true })
    },
  }
})

describe('Host', () => {
  let dir: string
  let log: FileLog
  let host: Host
  let figures: BatchFigures[]
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'weir-host-'))
    log = await FileLog.open({ dir: join(dir, 'log'), clock: systemClock })
    await log.createTopic('t', 1)
    figures = []
    host = await listen(log)
  })
  afterEach(async () => {
    await host.close()
    await log.close()
    rmSync(dir, { recursive: true })
  })
  const listen = (served: EventLog) =>
    Host.listen({
      socketPath: hostSocketPath(dir),
      log: served,
      publisher: nobody,
      onMetrics: (batch) => figures.push(batch),
    })

  it('lets only its own user connect', () => {
    expect(statSync(host.socketPath).mode & 0o777).toBe(0o600)
  })

  it('says so where nobody listens', async () => {
    await expect(HostClient.connect(join(dir, 'none.sock'))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('weir dev'),
    })
  })

  it('never takes the place of a host that lives', async () => {
    await expect(listen(log)).rejects.toMatchObject({ code: 'LOCKED' })
  })

  it('falls back to a private folder where the path is too long for a socket', async () => {
    const long = join(dir, 'x'.repeat(120))
    const socketPath = hostSocketPath(long)
    expect(Buffer.byteLength(socketPath)).toBeLessThanOrEqual(103)
    expect(hostSocketPath(long)).toBe(socketPath)
    expect(hostSocketPath(`${long}y`)).not.toBe(socketPath)
    const second = await Host.listen({ socketPath, log, publisher: nobody })
    await second.close()
  })

  it('passes figures on without an answer', async () => {
    const client = await HostClient.connect(host.socketPath)
    const batch = { stage: 'score', stream: 'network', figures: { records: 3 } }
    client.record(batch)
    await client.close()
    await expect.poll(() => figures).toEqual([batch])
    client.record(batch) // after the end: lost, never an error
  })

  it('carries errors with their code and whether they can be cured', async () => {
    const client = await HostClient.connect(host.socketPath)
    await expect(client.offsets('none', 0)).rejects.toMatchObject({
      name: 'PortError',
      code: 'NO_SUCH_TOPIC',
      curable: false,
    })
    await log.close()
    await expect(client.append('t', 0, hello)).rejects.toMatchObject({ code: 'CLOSED', curable: false })
    await client.close()
  })

  it('answers what is under way when it closes, and rejects the rest', async () => {
    const { promise, resolve: finish } = Promise.withResolvers<void>()
    await host.close()
    host = await listen(heldUp(log, promise))
    const client = await HostClient.connect(host.socketPath)
    const underWay = client.append('t', 0, hello)
    await client.offsets('t', 0)
    const closing = host.close()
    finish()
    expect(await underWay).toMatchObject({ baseOffset: 0 })
    await closing
    await client.closed
    await expect(client.append('t', 0, hello)).rejects.toMatchObject({ code: 'UNAVAILABLE', curable: true })
  })

  it('rejects every pending call when the host is killed, and stays dead', async () => {
    const socketPath = join(dir, 'stuck.sock')
    const stuck = startChild('stuck-host.ts', join(dir, 'stuck-log'), socketPath)
    expect(await stuck.line()).toBe('ready')
    const client = await HostClient.connect(socketPath)
    const calls = Promise.allSettled([client.append('t', 0, hello), client.append('t', 0, hello)])
    await client.offsets('t', 0)
    await stuck.kill()
    for (const call of await calls)
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'UNAVAILABLE', curable: true } })
    await client.closed
    const again = await Host.listen({ socketPath, log, publisher: nobody }) // over the killed one's socket file
    await expect(client.read('t', 0, 0, 10)).rejects.toMatchObject({ code: 'UNAVAILABLE', curable: true })
    await client.close()
    await again.close()
  })

  it('drops a connection that speaks something else', async () => {
    const socket = connect(host.socketPath)
    socket.on('error', () => undefined)
    await once(socket, 'data')
    socket.write(Buffer.alloc(4096, 0xff))
    await once(socket, 'close')
    const client = await HostClient.connect(host.socketPath)
    expect(await client.offsets('t', 0)).toEqual({ start: 0, end: 0 })
    await client.close()
  })
})
