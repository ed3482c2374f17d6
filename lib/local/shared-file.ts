import { closeSync, openSync } from 'node:fs'

/**
 * A file that is open while someone uses it: reads and fsyncs still under way when the log moves on to another segment
 * keep their descriptor, and no descriptor outlives its last user.
 */
export class SharedFile {
  readonly path: string
  readonly #flags: string
  #fd: number | undefined
  #users = 0

  constructor(path: string, flags: string) {
    this.path = path
    this.#flags = flags
  }

  async use<T>(work: (fd: number) => Promise<T>): Promise<T> {
    const fd = this.acquire()
    try {
      return await work(fd)
    } finally {
      this.release()
    }
  }

  /** To be paired with `release`. Throws what `openSync` throws. */
  acquire(): number {
    this.#fd ??= openSync(this.path, this.#flags)
    this.#users++
    return this.#fd
  }

  release(): void {
    this.#users--
    if (this.#users > 0 || this.#fd === undefined) return
    closeSync(this.#fd)
    this.#fd = undefined
  }
}
