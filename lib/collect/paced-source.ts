import type { Clock } from '../ports/clock.ts'
import { type Block, blockOf } from './block.ts'
import type { DemoRecord } from './demo-record.ts'
import type { Source } from './source.ts'

export interface PacedOptions {
  readonly name: string
  /** Begun anew at each reading. */
  readonly records: () => Iterable<DemoRecord>
  readonly clock: Clock
  /** Records that come within so long go together, ms. */
  readonly frameMs: number
  /** 2: twice as fast as it happens. Default 1. */
  readonly speed?: number
  /** Asked before each frame: true ends the source. Without it, it ends only with its records. */
  readonly over?: () => boolean
}

/** Records of before the start go together in blocks of so many. */
const PAST_RECORDS = 500

/**
 * Records as they happen: each is given when its time has come, those of before the start at once. Not repeatable: a
 * restart is another day, so a run of it never waits to be gone on with.
 */
export function pacedSource({ name, records, clock, frameMs, speed = 1, over }: PacedOptions): Source {
  return {
    name,
    repeatable: false,
    sizeBytes: undefined,
    async *read({ signal }): AsyncGenerator<Block, void> {
      const startMs = clock.nowMs()
      let position = 0
      let lines: string[] = []
      let frame = 0
      for (const { line, atMs } of records()) {
        const due = Math.floor(atMs / speed / frameMs)
        if (due > frame || lines.length >= PAST_RECORDS) {
          if (lines.length > 0) yield blockOf(lines, position)
          position += lines.length
          lines = []
        }
        if (due > frame) {
          frame = due
          const waitMs = startMs + frame * frameMs - clock.nowMs()
          if (waitMs > 0) await clock.sleep(waitMs, signal)
        }
        if (signal?.aborted === true || over?.() === true) return
        lines.push(line)
      }
      if (lines.length > 0) yield blockOf(lines, position)
    },
  }
}
