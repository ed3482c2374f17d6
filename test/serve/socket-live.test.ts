import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { WsPublisher } from '../../lib/local/ws-publisher.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { Pump } from '../../lib/serve/push.ts'
import { socketHandler } from '../../lib/serve/socket.ts'
import { notifyHandler } from '../../lib/speed/notify.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import { WeirClient } from '../../web/src/client/weir-client.ts'
import { sampleEntry, sampleEvent, sampleStream } from './sample.ts'
import { CONTEXT } from './sim-site.ts'

const closers: (() => Promise<unknown> | unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** A site on the embedded adapters: stores on disk, a WebSocket server on a port of its own, two notifying processes. */
async function site(frameIntervalMs: number) {
  const dir = await mkdtemp(join(tmpdir(), 'weir-push-'))
  closers.push(() => rm(dir, { recursive: true }))
  const server = createServer()
  const connections = new Set<string>()
  const handled: Promise<unknown>[] = []
  const publisher = WsPublisher.attach(server, {
    onConnect: (id) => void connections.add(id),
    onMessage: (id, body) => handled.push(socket(event(id, '$default', body), CONTEXT)),
    onDisconnect: (id) => {
      connections.delete(id)
      handled.push(socket(event(id, '$disconnect'), CONTEXT))
    },
  })
  const openPorts = async (): Promise<Ports> => {
    const keyed = await SqliteStore.open(join(dir, 'state.db'))
    const objects = await FolderStore.open(join(dir, 'objects'))
    closers.push(() => keyed.close())
    return {
      site: 'sim',
      epochMs: 60_000,
      log: undefined as unknown as Ports['log'],
      keyed,
      objects,
      publisher,
      metrics: { record: () => undefined },
      clock: systemClock,
      close: async () => undefined,
    }
  }
  const notifiers = [await openPorts(), await openPorts()].map((ports) => {
    const pump = new Pump(ports, [sampleStream], { frameIntervalMs })
    return notifyHandler(sampleStream, ports, pump.logOf('sample'), (partitions, untilMs) =>
      pump.run('sample', { owner: partitions[0] ?? '', mine: partitions, untilMs }),
    )
  })
  const ports = await openPorts()
  const socket = socketHandler(ports, new Pump(ports, [sampleStream], { frameIntervalMs }))
  closers.push(async () => {
    await publisher.close()
    await expect.poll(() => connections.size).toBe(0)
    await Promise.all(handled)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => server.close())
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`
  return { url, notifiers, connections }
}

function event(connectionId: string, routeKey: string, body?: string) {
  return { requestContext: { connectionId, routeKey }, ...(body === undefined ? {} : { body }) }
}

/** A client whose connection can be cut from outside. */
function restlessClient(url: string, channel: 'alerts/sample' | 'incidents/sample') {
  const taken: { alert: Alert; atMs: number }[] = []
  let open: WebSocket | undefined
  const client = new WeirClient({
    url,
    firstDelayMs: 5,
    createSocket: (address) => {
      open = new WebSocket(address)
      return open
    },
  })
  client.subscribe(channel, { since: 'start' }, ({ alerts }) => {
    for (const alert of alerts) taken.push({ alert, atMs: Date.now() })
  })
  closers.push(() => client.close())
  return { taken, cut: () => open?.close() }
}

const count = (taken: readonly { alert: Alert }[]) => taken.reduce((sum, { alert }) => sum + alert.count, 0)

describe('from notify to a WebSocket client, on the embedded adapters', () => {
  it('brings every alert once to clients that come and go, from two processes', async () => {
    const { url, notifiers, connections } = await site(20)
    const each = restlessClient(url, 'alerts/sample')
    const grouped = restlessClient(url, 'incidents/sample')
    const batches = 40
    const deliver = notifiers.map(async (handler, partition) => {
      for (let batch = 0; batch < batches; batch++) {
        const entries = Array.from({ length: 25 }, (_, i) =>
          sampleEntry(partition, batch * 25 + i, i % 5 === 0 ? { severity: 'high', score: 0.9 } : {}),
        )
        const fed = sampleEvent(partition, batch * 25, entries)
        expect(await handler(fed, CONTEXT)).toEqual({ batchItemFailures: [] })
        if (batch % 7 === 3) each.cut()
        if (batch % 11 === 5) grouped.cut()
      }
    })
    await Promise.all(deliver)
    const expected = 2 * batches * 5
    await expect.poll(() => count(each.taken), { timeout: 60_000 }).toBe(expected)
    await expect.poll(() => count(grouped.taken), { timeout: 60_000 }).toBe(expected)
    expect(new Set(each.taken.map(({ alert }) => alert.id)).size).toBe(expected)
    expect(connections.size).toBe(2)
  })

  it('brings an alert within the frame interval, as soon as the machine has time for it', async () => {
    const { url, notifiers, connections } = await site(50)
    const client = restlessClient(url, 'alerts/sample')
    await expect.poll(() => connections.size).toBe(1)
    let fastestMs = Number.POSITIVE_INFINITY
    for (let offset = 0; offset < 20 || (offset < 500 && fastestMs >= 150); offset++) {
      const startMs = Date.now()
      const entry = sampleEntry(0, offset, { severity: 'high', score: 0.9 })
      await notifiers[0]?.(sampleEvent(0, offset, [entry]), CONTEXT)
      await expect.poll(() => client.taken.length, { interval: 1 }).toBe(offset + 1)
      fastestMs = Math.min(fastestMs, (client.taken[offset]?.atMs ?? Number.POSITIVE_INFINITY) - startMs)
    }
    expect(fastestMs).toBeLessThan(150)
  })
})
