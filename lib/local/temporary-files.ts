import { randomUUID } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { PortError } from '../ports/errors.ts'
import { isNotThere } from './fs-errors.ts'

const LEFTOVER_AFTER_MS = 3_600_000

/** Files that are written here and renamed into place when they are whole. */
export class TemporaryFiles {
  readonly #dir: string

  constructor(dir: string) {
    mkdirSync(dir, { recursive: true })
    this.#dir = dir
  }

  /** Writes a new file and resolves with its path. */
  async write(bytes: Uint8Array, durable: boolean): Promise<string> {
    const path = join(this.#dir, randomUUID())
    const file = await open(path, 'wx')
    try {
      await file.writeFile(bytes)
      if (durable) await file.datasync()
    } catch (error) {
      rmSync(path, { force: true })
      throw error
    } finally {
      await file.close()
    }
    return path
  }

  /** Deletes what killed processes have left: nobody writes one file for an hour. */
  sweep(nowMs: number): void {
    for (const name of readdirSync(this.#dir)) {
      const path = join(this.#dir, name)
      try {
        if (nowMs - statSync(path).mtimeMs > LEFTOVER_AFTER_MS) rmSync(path, { force: true })
      } catch (error) {
        if (!isNotThere(error)) throw error
      }
    }
  }

  /** Throws where the file system does not keep modification times to the microsecond: objects' etags are made of them. */
  async assertKeepsTimes(nowMs: number): Promise<void> {
    const path = await this.write(Buffer.alloc(0), false)
    const timeUs = nowMs * 1000 + 123
    utimesSync(path, timeUs / 1e6, timeUs / 1e6)
    const { mtimeNs } = statSync(path, { bigint: true })
    rmSync(path)
    if ((mtimeNs + 500n) / 1000n === BigInt(timeUs)) return
    const message = `the file system of ${this.#dir} keeps no modification times to the microsecond; choose a folder on another`
    throw new PortError('MISCONFIGURED', message, { curable: false })
  }
}
