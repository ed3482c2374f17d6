import type { Clock } from '../ports/clock.ts'
import { type DemoOptions, demoNetwork } from './demo-network.ts'
import { pacedSource } from './paced-source.ts'
import type { Source } from './source.ts'

/** Connections that come within so long go together. */
const FRAME_MS = 20

export interface DemoSourceOptions extends DemoOptions {
  readonly clock: Clock
  /** 2: twice as fast as it happens. Default 1. */
  readonly speed?: number
}

/** The demo network as it happens: each connection is given when its time has come. It never ends. */
export function demoSource({ clock, speed = 1, ...demo }: DemoSourceOptions): Source {
  return pacedSource({
    name: `demo traffic, seed ${demo.seed}`,
    records: () => demoNetwork(demo),
    clock,
    frameMs: FRAME_MS,
    speed,
  })
}
