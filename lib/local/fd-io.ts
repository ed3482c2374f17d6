import {
  type BigIntStats,
  closeSync,
  fdatasync,
  fstat,
  fsyncSync,
  openSync,
  read,
  renameSync,
  writeFileSync,
  writev,
} from 'node:fs'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'

export const datasync = promisify(fdatasync)
export const fstatBig: (fd: number, options: { bigint: true }) => Promise<BigIntStats> = promisify(fstat)

/** Fills `into` from `position` of the file as far as it goes. Resolves with the number of bytes read. */
export function readFully(fd: number, into: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    let filled = 0
    const more = (): void => {
      read(fd, into, filled, into.length - filled, position + filled, (error, bytesRead) => {
        if (error !== null) return reject(error)
        filled += bytesRead
        if (bytesRead === 0 || filled === into.length) resolve(filled)
        else more()
      })
    }
    more()
  })
}

/** Writes all of `buffers`, one after the other, from `position` on. */
export function writevFully(fd: number, buffers: readonly Buffer[], position: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const step = (rest: readonly Buffer[], at: number): void => {
      writev(fd, rest, at, (error, written) => {
        if (error !== null) return reject(error)
        const left = dropBytes(rest, written)
        if (left.length === 0) resolve()
        else step(left, at + written)
      })
    }
    step(buffers, position)
  })
}

/** What remains of `buffers` after their first `bytes` bytes. */
function dropBytes(buffers: readonly Buffer[], bytes: number): readonly Buffer[] {
  let i = 0
  for (let buffer = buffers[0]; buffer !== undefined && bytes >= buffer.length; buffer = buffers[i]) {
    bytes -= buffer.length
    i++
  }
  const cut = buffers[i]
  return cut === undefined ? [] : [cut.subarray(bytes), ...buffers.slice(i + 1)]
}

/** Replaces a small file so that whoever reads it sees the old text or the new, after a crash as well. */
export function writeFileAtomic(path: string, text: string, durable: boolean): void {
  const temporary = `${path}.${process.pid}.tmp`
  const fd = openSync(temporary, 'w')
  try {
    writeFileSync(fd, text)
    if (durable) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(temporary, path)
}

/** Makes what was created, renamed or deleted in a folder survive a power cut. Windows has no such call, nor need. */
export async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
