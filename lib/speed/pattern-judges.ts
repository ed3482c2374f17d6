import { crossings, type InSlot, type Measure, pairs, type Span, stretchOf } from '../detect/patterns.ts'
import type { Alert } from '../stream/alert.ts'
import type { Stream } from '../stream/define.ts'
import {
  eventTimeAggregate,
  type SequencePattern,
  type ThresholdPattern,
  viewsOfPattern,
} from '../stream/pattern.ts'
import { aggregateOf } from '../views/aggregate.ts'
import type { States, View } from '../views/view.ts'
import { type NamedPattern, sequenceAlert, thresholdAlert } from './pattern-alert.ts'
import type { KeyInSlot, PatternBoards } from './pattern-boards.ts'
import { inPortions, SLOTS_AT_ONCE, type Touched } from './pattern-portions.ts'

export const NONE: Touched = new Map()

/** Judges one pattern by the views it reads. */
export interface Judge {
  readonly views: readonly View[]
  /** The alerts of the touched keys as the boards stand; both by view. */
  judge(touched: readonly Touched[], boards: readonly PatternBoards[]): Promise<readonly Alert[]>
}

/** Of each pattern of the stream. `views`: the stream's, compiled. `atOnce`: slots looked at together, about. */
export function judgesOf(
  { name: stream, patterns }: Stream,
  site: string,
  views: readonly View[],
  atOnce = SLOTS_AT_ONCE,
): readonly Judge[] {
  return Object.entries(patterns).map(([name, pattern]) => {
    const [first, then] = viewsOfPattern(pattern).map((wanted) => viewNamed(views, `${stream}.${wanted}`))
    if (pattern.kind === 'threshold')
      return thresholdJudge({ site, stream, name, pattern, view: first as View }, atOnce)
    return sequenceJudge({ site, stream, name, pattern, view: then as View }, first as View, atOnce)
  })
}

function viewNamed(views: readonly View[], id: string): View {
  const found = views.find((view) => view.id === id)
  if (found === undefined) throw new Error(`no view ${id} to find a pattern in`)
  return found
}

function thresholdJudge(named: NamedPattern<ThresholdPattern>, atOnce: number): Judge {
  const { pattern, view } = named
  const { slotMs } = view.definition
  const index = view.aggregates.indexOf(pattern.aggregate)
  const measure = measureOf(view, pattern.aggregate)
  const window = { slotMs, windowMs: pattern.windowMs, limit: pattern.limit }
  return {
    views: [view],
    judge: ([touched = NONE], [boards]) =>
      inPortions(touched, { slotMs, reachMs: pattern.windowMs - slotMs, atOnce }, async (near, some) => {
        const inSlot = await (boards as PatternBoards).load(near, new Set(some.keys()))
        return [...some].flatMap(([key, slots]) => {
          const found = crossings((slot) => inSlot(slot, key)?.[index], slots, window, measure)
          return firstOfStretch(found, window).map((crossing) =>
            thresholdAlert(named, key, crossing, statesOf(view, inSlot, key, crossing)),
          )
        })
      }),
  }
}

function sequenceJudge(named: NamedPattern<SequencePattern>, before: View, atOnce: number): Judge {
  const { pattern, view } = named
  const { slotMs } = view.definition
  const window = { slotMs, windowMs: pattern.windowMs }
  const reachMs = Math.ceil(pattern.windowMs / slotMs) * slotMs
  return {
    views: [before, view],
    judge: (touched, boards) =>
      inPortions(together(touched), { slotMs, reachMs, atOnce }, async (near, some) => {
        const keys = new Set(some.keys())
        const [first, then] = await Promise.all(boards.map((one) => one.load(near, keys)))
        const firstSpan = spans(before, first as KeyInSlot)
        const thenSpan = spans(view, then as KeyInSlot)
        return [...some].flatMap(([key, slots]) => {
          const found = pairs(firstSpan(key), thenSpan(key), slots, window)
          return firstOfStretch(found, window).map((pair) => sequenceAlert(named, key, pair))
        })
      }),
  }
}

function measureOf(view: View, name: string): Measure<unknown> {
  const definition = view.definition.aggregates[name]
  if (definition === undefined) throw new Error(`view ${view.id} has no aggregate ${name}`)
  const { merge, answer } = aggregateOf(definition)
  return { merge, valueOf: (state) => Number(answer(state)) }
}

/** What the view has of the key in the crossing's window. */
function statesOf(
  view: View,
  inSlot: KeyInSlot,
  key: string,
  { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
): States {
  let states = view.empty
  for (let slot = fromMs; slot < toMs; slot += view.definition.slotMs) {
    const more = inSlot(slot, key)
    if (more !== undefined) states = view.merge(states, more)
  }
  return states
}

function spans(view: View, inSlot: KeyInSlot): (key: string) => InSlot<Span> {
  const min = view.aggregates.indexOf(eventTimeAggregate(view.definition, 'min') ?? '')
  const max = view.aggregates.indexOf(eventTimeAggregate(view.definition, 'max') ?? '')
  return (key) => (slot) => {
    const states = inSlot(slot, key)
    return states && { minMs: Number(states[min]), maxMs: Number(states[max]) }
  }
}

function together(all: readonly Touched[]): Touched {
  const both = new Map<string, ReadonlySet<number>>()
  for (const touched of all)
    for (const [key, slots] of touched) both.set(key, new Set([...(both.get(key) ?? []), ...slots]))
  return both
}

/** Of the findings in one stretch the first: there is one alert for it. */
function firstOfStretch<F extends { readonly slot: number }>(
  found: readonly F[],
  window: { readonly windowMs: number },
): readonly F[] {
  const stretches = new Set<number>()
  return found.filter((one) => {
    const stretch = stretchOf(one, window)
    return !stretches.has(stretch) && stretches.add(stretch)
  })
}
