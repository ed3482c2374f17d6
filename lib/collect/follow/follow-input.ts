import type { Clock } from '../../ports/clock.ts'
import type { Framing } from '../../stream/format.ts'
import type { InputSession, LiveBlock, LiveInput } from '../live-input.ts'
import { FollowedFiles } from './followed-files.ts'
import type { OnRollover } from './rollover.ts'
import type { StartAt } from './start-at.ts'

const SCAN_MS = 500
const POLL_MS = 100

export interface FollowOptions {
  readonly clock: Clock
  /** Files, folders and patterns, absolute: what they stand for is looked up again and again. */
  readonly paths: readonly string[]
  /** Files that are there at the first start are followed from their end. */
  readonly fromEnd?: boolean
  /** At the first start: the file to begin with, and the byte in it; files before it by name are left out. */
  readonly startAt?: StartAt
  /** Called once for each unified2 spool that is finished: see Rollover. */
  readonly onRollover?: OnRollover
  /** How files are cut into records. Default `lines`. */
  readonly framing?: Framing
  /** How long a file that was renamed out of sight, or deleted, is still read for what comes. Default 10 s. */
  readonly lingerMs?: number
}

/**
 * Files that grow, and new ones that come. A line is a record once its line end is there. What becomes of a file is
 * found out by its inode and by what it contains: renamed, it is read on; truncated, it is another file, of which the copy
 * that was made before (logrotate's copytruncate) is read on where the first was left; compressed, it is not read again.
 */
export function followInput(options: FollowOptions): LiveInput {
  const { clock, paths } = options
  return {
    name: paths.join(' '),
    read: (session) => follow(new FollowedFiles(session, options), session, clock),
  }
}

async function* follow(
  files: FollowedFiles,
  { signal }: InputSession,
  clock: Clock,
): AsyncGenerator<LiveBlock, void> {
  let scannedMs = Number.NEGATIVE_INFINITY
  try {
    while (!signal.aborted) {
      const nowMs = clock.nowMs()
      if (Math.abs(nowMs - scannedMs) >= SCAN_MS) {
        yield* files.scan(nowMs)
        scannedMs = nowMs
      }
      let gave = false
      for await (const block of files.read(clock.nowMs())) {
        gave = true
        yield block
        if (signal.aborted) return
      }
      if (!gave) await clock.sleep(POLL_MS, signal).catch(() => undefined)
    }
  } finally {
    await files.close()
  }
}
