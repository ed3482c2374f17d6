import { dirname } from 'node:path'
import type { InputSession } from '../live-input.ts'
import type { FollowedFile } from './followed-file.ts'

/** Called with the path of a spool that is finished. What it rejects with is told, and that is all. */
export type OnRollover = (path: string) => Promise<void>

/**
 * Calls a hook for each unified2 spool that is finished: a later one is beside it, it was read as far as it can be, and what
 * it gave has landed and is never read again; so it may be moved away, packed or deleted. Hooks run one at a time, beside
 * the collecting.
 *
 * At most once for each spool: that it is about to be called is kept before. Where a process ends in between, the next one says so
 * and leaves it to people.
 */
export class Rollover {
  readonly #session: InputSession
  readonly #hook: OnRollover
  #running: Promise<void> | undefined
  readonly #told = new Set<number>()

  constructor(session: InputSession, hook: OnRollover) {
    this.#session = session
    this.#hook = hook
  }

  /** Of all files that are there: begins with the first that is finished, unless a hook is at work. */
  async look(files: Iterable<FollowedFile>): Promise<void> {
    const present = [...files].sort((a, b) => (a.state.path < b.state.path ? -1 : 1))
    for (const [i, file] of present.entries()) {
      const { path, rollover } = file.state
      if (rollover === 'begun' && this.#running === undefined) this.#tell(file)
      if (rollover !== undefined || this.#running !== undefined || !file.isReadOut) continue
      const later = present.slice(i + 1).some(({ state }) => dirname(state.path) === dirname(path))
      if (!later || this.#session.kept(file.source)?.next !== file.state.next) continue
      await file.rolledOver('begun')
      this.#running = this.#call(file, path)
    }
  }

  async #call(file: FollowedFile, path: string): Promise<void> {
    try {
      await this.#hook(path)
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error)
      this.#session.notice(`${path}: the rollover command failed and is not run again: ${why}`)
    }
    this.#told.add(file.source)
    // It may have been forgotten meanwhile, or the run be another process's: then nobody asks any more.
    await file.rolledOver('done').catch(() => undefined)
    this.#running = undefined
  }

  #tell(file: FollowedFile): void {
    if (this.#told.has(file.source)) return
    this.#told.add(file.source)
    this.#session.notice(
      `${file.state.path}: an earlier process ended while its rollover command ran; it is not run again`,
    )
  }
}
