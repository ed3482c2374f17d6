import { afterEach, describe, expect, it, vi } from 'vitest'
import { PatternBoards } from '../../lib/speed/pattern-boards.ts'
import { judgesOf } from '../../lib/speed/pattern-judges.ts'
import type { Touched } from '../../lib/speed/pattern-portions.ts'
import { readHeads } from '../../lib/state/boards.ts'
import { PartCache } from '../../lib/state/part-cache.ts'
import type { Alert } from '../../lib/stream/alert.ts'
import type { ThresholdPattern } from '../../lib/stream/pattern.ts'
import { compileView, type View } from '../../lib/views/view.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { RAW, START_MS } from './archive-world.ts'
import { alertsDue, deliver, enrichedRecords, patternStream, type World } from './pattern-world.ts'

const AT = { topic: RAW, partition: 0 }
const VIEWS = Object.entries(patternStream.views).map(([name, view]) => compileView('test', name, view))

/** Every key in every slot, as if one batch had touched them all. */
async function touchedOf({ keyed }: World, view: View): Promise<Touched> {
  const touched = new Map<string, Set<number>>()
  for await (const { slot, head } of readHeads(keyed, view, { from: 0, to: START_MS * 2, at: AT }))
    for (const key of head.tail.keys.keys()) touched.set(key, (touched.get(key) ?? new Set()).add(slot))
  return touched
}

const boardsOf = (world: World, view: View) =>
  new PatternBoards(world, view, AT, new PartCache(world.objects))

/** What all patterns find, by id. */
async function found(world: World, atOnce?: number): Promise<readonly Alert[]> {
  const alerts: Alert[] = []
  for (const { views, judge } of judgesOf(patternStream, 'here', VIEWS, atOnce)) {
    const touched = await Promise.all(views.map((view) => touchedOf(world, view)))
    const boards = views.map((view) => boardsOf(world, view))
    alerts.push(...(await judge(touched, boards)))
  }
  return alerts.sort((a, b) => (a.id < b.id ? -1 : 1))
}

describe('slots that patterns look at', () => {
  afterEach(() => void vi.restoreAllMocks())

  it('show the same, each finding once, in whatever portions they are looked at', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    for (let seed = 1; seed <= 20; seed++) {
      const log = enrichedRecords(seed, 120)
      const world = await deliver(log, seed)
      const whole = await found(world)
      expect(whole.length, `seed ${seed}`).toBe(alertsDue(log).length)
      for (const atOnce of [1, 8, 20]) expect(await found(world, atOnce), `seed ${seed}`).toEqual(whole)
    }
  })

  it('are so many at a time, however far apart the records of a batch lie', async () => {
    const load = vi.spyOn(PatternBoards.prototype, 'load')
    const world = { keyed: new MemoryKeyed(), objects: new MemoryObjects() }
    const slotMs = 10_000
    const definition = {
      title: '',
      groupBy: ['source'],
      slotMs,
      aggregates: { count: { kind: 'count' } },
    } as const
    const view = compileView('test', 'scans', definition)
    const pattern: ThresholdPattern = {
      kind: 'threshold',
      title: 'It',
      severity: 'low',
      view: 'scans',
      aggregate: 'count',
      limit: 2,
      windowMs: 3_600_000,
    }
    const [judge] = judgesOf({ ...patternStream, patterns: { it: pattern } }, 'here', [view])
    const slots = Array.from({ length: 60 }, (_, i) => i * 100_000_000)
    await judge?.judge([new Map([['s1', new Set(slots)]])], [boardsOf(world, view)])
    const sizes = load.mock.calls.map(([near]) => near.size)
    expect(sizes.reduce((a, b) => a + b)).toBe(60 * 719)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10_000)
  })
})
