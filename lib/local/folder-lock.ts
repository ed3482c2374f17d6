import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PortError } from '../ports/errors.ts'
import { openDatabase, portErrorOf, sqliteCode } from './sqlite-file.ts'

/**
 * Takes a folder for this process, until the returned function is called or the process ends, however it ends.
 *
 * The lock is the operating system's, on a SQLite file: Node has no file locks of its own, and a file with a process id
 * in it outlives a crash. Throws a PortError LOCKED that names the holder.
 */
export function lockFolder(dir: string): () => void {
  mkdirSync(dir, { recursive: true })
  const holderFile = join(dir, 'holder.json')
  const database = openDatabase(join(dir, 'lock.sqlite'))
  try {
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
  } catch (cause) {
    database.close()
    if (sqliteCode(cause) !== SQLITE_BUSY) throw portErrorOf(cause, dir)
    throw new PortError('LOCKED', `${dir} is in use by ${holder(holderFile)}: ${ADVICE}`, {
      curable: false,
      cause,
    })
  }
  writeFileSync(holderFile, JSON.stringify({ pid: process.pid, since: new Date().toISOString() }))
  return () => database.close()
}

const SQLITE_BUSY = 5
const ADVICE =
  'stop that process, choose another data folder, or feed a running `weir dev` with `weir collect`'

/** For the message only: the lock itself does not depend on what the file says. */
function holder(holderFile: string): string {
  try {
    const { pid, since } = JSON.parse(readFileSync(holderFile, 'utf8')) as { pid: number; since: string }
    return pid === process.pid ? `this process (${pid})` : `process ${pid} (since ${since})`
  } catch {
    return 'another process'
  }
}
