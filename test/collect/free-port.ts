import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

/** A port that nobody listens on now. */
export async function freePort(kind: 'tcp' | 'udp' = 'tcp'): Promise<number> {
  const listener =
    kind === 'tcp' ? createServer().listen(0, '127.0.0.1') : createSocket('udp4').bind(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const closed = once(listener, 'close')
  listener.close()
  await closed
  return port
}
