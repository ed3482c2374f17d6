import type { Clock } from '../ports/clock.ts'
import { type Block, blockOf } from './block.ts'
import { type DemoOptions, demoNetwork } from './demo-network.ts'
import type { Source } from './source.ts'

/** Connections that come within so long go together. */
const FRAME_MS = 20

export interface DemoSourceOptions extends DemoOptions {
  readonly clock: Clock
  /** 2: twice as fast as it happens. Default 1. */
  readonly speed?: number
}

/**
 * The demo network as it happens: each connection is given when its time has come. It never ends. Not repeatable: a
 * restart is another day, so a run of it never waits to be gone on with.
 */
export function demoSource({ clock, speed = 1, ...demo }: DemoSourceOptions): Source {
  return {
    name: `demo traffic, seed ${demo.seed}`,
    repeatable: false,
    sizeBytes: undefined,
    async *read({ signal }): AsyncGenerator<Block, void> {
      const startMs = clock.nowMs()
      let position = 0
      let lines: string[] = []
      let frame = 0
      for (const { line, atMs } of demoNetwork(demo)) {
        const due = Math.floor(atMs / speed / FRAME_MS)
        if (due > frame && lines.length > 0) {
          yield blockOf(lines, position)
          position += lines.length
          lines = []
        }
        if (due > frame) {
          frame = due
          const waitMs = startMs + frame * FRAME_MS - clock.nowMs()
          if (waitMs > 0) await clock.sleep(waitMs, signal)
        }
        if (signal?.aborted === true) return
        lines.push(line)
      }
    },
  }
}
