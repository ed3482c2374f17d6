import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { ConnectionsPublisher } from '../../lib/aws/connections-publisher.ts'
import { publisherContract, type TestConnection } from '../contracts/publisher.ts'
import { KEYS, type RunningConnections, startConnections } from './servers/connections.ts'

publisherContract('API Gateway @connections', async () => {
  const server = await startConnections()
  const publisher = new ConnectionsPublisher({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: async () => KEYS,
    timeoutMs: 5000,
  })
  return {
    publisher,
    connect: () => connect(server),
    close: async () => {
      await publisher.close()
      await server.stop()
    },
  }
})

test('@connections refuses what other keys have signed', async () => {
  const server = await startConnections()
  const publisher = new ConnectionsPublisher({
    endpoint: server.endpoint,
    region: 'us-east-1',
    credentials: async () => ({ ...KEYS, secretAccessKey: 'a guess' }),
    timeoutMs: 5000,
  })
  await expect(publisher.send('any', 'frame')).rejects.toMatchObject({ code: 'DENIED', curable: false })
  await publisher.close()
  await server.stop()
})

async function connect(server: RunningConnections): Promise<TestConnection> {
  const socket = new WebSocket(server.socketUrl)
  const received: string[] = []
  const waiting: ((frame: string) => void)[] = []
  socket.on('message', (data) => {
    const next = waiting.shift()
    if (next === undefined) received.push(String(data))
    else next(String(data))
  })
  const next = async (): Promise<string> => {
    const frame = received.shift()
    return frame ?? new Promise((resolve) => waiting.push(resolve))
  }
  const connectionId = await next()
  return {
    connectionId,
    next,
    disconnect: async () => {
      socket.close()
      while (server.has(connectionId)) await sleep(5)
    },
  }
}
