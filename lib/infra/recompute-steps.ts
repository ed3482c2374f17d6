import type { Prefix } from './master.ts'

/** One of the functions of a recompute and what it may touch. */
export interface RecomputeStepSettings {
  readonly name: 'plan' | 'recompute' | 'merge' | 'publish' | 'expire'
  readonly purpose: string
  /** Asks the log for the ends of its partitions, and is therefore inside the VPC. */
  readonly asksLog: boolean
  readonly reads: readonly Prefix[]
  readonly writes: readonly Prefix[]
  /** Lambda gives CPU in proportion: 1,769 MB is one core. */
  readonly memoryMb: number
}

export const RECOMPUTE_STEPS: readonly RecomputeStepSettings[] = [
  {
    name: 'plan',
    purpose: 'freezes what a recompute covers and reads',
    asksLog: true,
    reads: ['master', 'batch'],
    writes: ['batch'],
    memoryMb: 1769,
  },
  {
    name: 'recompute',
    purpose: 'aggregates a stretch of the master for the views of its stream',
    asksLog: false,
    reads: ['master', 'batch'],
    writes: ['batch'],
    memoryMb: 1769,
  },
  {
    name: 'merge',
    purpose: 'merges what stretches of the master made into segments of batch views',
    asksLog: false,
    reads: ['batch'],
    writes: ['batch'],
    memoryMb: 1769,
  },
  {
    name: 'publish',
    purpose: 'makes recomputed views what queries read, by one conditional write',
    asksLog: false,
    reads: ['batch', 'master/*/_manifests', 'master/*/_symlinks'],
    writes: ['batch', 'master/*/_symlinks'],
    memoryMb: 1024,
  },
  {
    name: 'expire',
    purpose: 'deletes boards and batch objects that no query can need any more',
    asksLog: false,
    reads: ['batch', 'board'],
    writes: ['batch', 'board'],
    memoryMb: 1024,
  },
]
