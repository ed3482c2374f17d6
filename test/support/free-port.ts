import { createSocket } from 'node:dgram'
import { createServer } from 'node:net'

const given = new Set<number>()

/**
 * A port on loopback that is free, from below the range out of which the system gives ports to outgoing connections: one of
 * those might take it before a server does, or a client that tries it might be connected to itself.
 */
export async function freePort(kind: 'tcp' | 'udp' = 'tcp'): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000)
    if (given.has(port) || !(await isFree(port, kind))) continue
    given.add(port)
    return port
  }
}

async function isFree(port: number, kind: 'tcp' | 'udp'): Promise<boolean> {
  const server = kind === 'tcp' ? createServer() : createSocket('udp4')
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.once('listening', () => server.close(() => resolve(true)))
    if ('bind' in server) server.bind(port, '127.0.0.1')
    else server.listen(port, '127.0.0.1')
  })
}
