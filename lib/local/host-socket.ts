import { createHash } from 'node:crypto'
import { lstatSync, mkdirSync, realpathSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { PortError } from '../ports/errors.ts'
import { fsCode } from './fs-errors.ts'

/** What `sockaddr_un` holds on macOS, the smallest, without the closing zero. */
const SOCKET_PATH_BYTES_MAX = 103

/**
 * Where the host of a data folder listens: a socket in the folder, or in a folder of the user's own among the temporary
 * files where its path would be too long; a named pipe on Windows. Throws DENIED where that folder is someone else's.
 */
export function hostSocketPath(dataDir: string): string {
  const dir = realPath(resolve(dataDir))
  const name = createHash('sha256').update(dir).digest('hex').slice(0, 16)
  if (process.platform === 'win32') return `\\\\.\\pipe\\weir-${name}`
  const inside = join(dir, 'host.sock')
  return Buffer.byteLength(inside) <= SOCKET_PATH_BYTES_MAX
    ? inside
    : join(ownTemporaryFolder(), `${name}.sock`)
}

/** Whether a process serves the data folder, as `weir dev` and `weir replay` do while they run. */
export function isServed(dataDir: string): Promise<boolean> {
  return answers(hostSocketPath(dataDir))
}

/** Makes the server listen so that only this user can connect. Rejects with LOCKED where another one listens there. */
export async function listenPrivately(server: Server, socketPath: string): Promise<void> {
  try {
    await listen(server, socketPath)
  } catch (error) {
    if (fsCode(error) !== 'EADDRINUSE') throw error
    if (await answers(socketPath))
      throw new PortError('LOCKED', `another process serves ${socketPath}: stop it first`, { curable: false })
    unlinkSync(socketPath) // left by a process that was killed
    await listen(server, socketPath)
  }
}

function listen(server: Server, socketPath: string): Promise<void> {
  return new Promise((resolveListening, reject) => {
    server.once('error', reject)
    // The socket file is made within this call: a mode set afterwards would leave it open to others for a moment.
    const mask = process.platform === 'win32' ? undefined : process.umask(0o177)
    try {
      server.listen(socketPath, () => {
        server.off('error', reject)
        resolveListening()
      })
    } finally {
      if (mask !== undefined) process.umask(mask)
    }
  })
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolveAnswer) => {
    const socket = connect(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolveAnswer(true)
    })
    socket.once('error', () => resolveAnswer(false))
  })
}

function ownTemporaryFolder(): string {
  const uid = process.getuid?.() ?? 0
  const dir = join(tmpdir(), `weir-${uid}`)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const stats = lstatSync(dir)
  if (stats.isDirectory() && stats.uid === uid && (stats.mode & 0o077) === 0) return dir
  throw new PortError('DENIED', `${dir} must be a folder that only you can enter: remove it`, {
    curable: false,
  })
}

function realPath(dir: string): string {
  try {
    return realpathSync(dir)
  } catch {
    return dir // not made yet
  }
}
