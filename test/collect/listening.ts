import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { until } from './until.ts'

/** A connection to a TCP port, as soon as somebody listens on it. */
export async function connected(port: number): Promise<Socket> {
  let open: Socket | undefined
  await until(`a listener on port ${port}`, async () => {
    const socket = connect(port, '127.0.0.1')
    const connecting = await once(socket, 'connect').catch(() => undefined)
    open = connecting === undefined ? undefined : socket
    return open !== undefined
  })
  if (open === undefined) throw new Error('unreachable')
  return open
}
