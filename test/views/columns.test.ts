import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Entry } from '../../lib/stream/entry.ts'
import type { ViewDefinition } from '../../lib/stream/view-definition.ts'
import { ColumnAggregator, type ColumnBatch } from '../../lib/views/columns.ts'
import { compileView, type View } from '../../lib/views/view.ts'

const ALL: ViewDefinition['aggregates'] = {
  count: { kind: 'count' },
  total: { kind: 'sum', field: 'number', decimals: 2 },
  mean: { kind: 'mean', field: 'number' },
  least: { kind: 'min', field: 'number' },
  most: { kind: 'max', field: 'number' },
  perFlag: { kind: 'ratio', field: 'number', by: 'size' },
  high: { kind: 'share', where: [{ field: '@severity', in: ['high'] }] },
  lists: { kind: 'distinct', field: 'list', precision: 8 },
  texts: { kind: 'top', field: 'text', capacity: 4 },
  sizes: { kind: 'quantile', field: 'size', at: [0.5, 0.99] },
  spread: { kind: 'histogram', field: 'number', bounds: [0, 10] },
  first: { kind: 'min', field: '@eventTime' },
  last: { kind: 'max', field: '@eventTime' },
}
const definition = (change: Partial<ViewDefinition>): ViewDefinition => ({
  title: '',
  groupBy: ['text'],
  slotMs: 60_000,
  aggregates: ALL,
  ...change,
})

const VIEWS: Readonly<Record<string, ViewDefinition>> = {
  'one field': definition({}),
  'two fields': definition({ groupBy: ['text', 'mixed'] }),
  'three fields, one an array': definition({ groupBy: ['text', 'list', 'flag'] }),
  'an array': definition({ groupBy: ['list'] }),
  'each element of an array': definition({ groupBy: ['list'], repeats: true }),
  'pairs of each element': definition({ groupBy: ['list', 'mixed'], repeats: true }),
  'the outcome': definition({ groupBy: ['@outcome'] }),
  'the severity, of some': definition({ groupBy: ['@severity'], where: [{ field: 'flag', in: [true] }] }),
  'dropped ones': definition({ where: [{ field: '@outcome', in: ['drop'] }] }),
  'a field nobody has': definition({ groupBy: ['text', 'absent'] }),
  'count alone': definition({ aggregates: { count: { kind: 'count' } } }),
}

const value = fc.record(
  {
    text: fc.oneof(fc.constantFrom('a', 'b', '1', 'true'), fc.string({ unit: 'binary', maxLength: 5 })),
    mixed: fc.oneof(
      fc.constantFrom(1, '1', true, 'true', null),
      fc.array(fc.constantFrom('p', 'q'), { maxLength: 3 }),
    ),
    list: fc.array(fc.oneof(fc.constantFrom('x', 'y', 'z'), fc.nat(400)), { maxLength: 4 }),
    flag: fc.boolean(),
    number: fc.oneof(
      fc.integer({ min: -20, max: 20 }),
      fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
    ),
    size: fc.nat(1_000_000),
  },
  { requiredKeys: [] },
)

const head = { site: 's', topic: 'test.raw.g1', partition: 3, appendTime: 0 }
const entries = fc
  .array(
    fc.record({
      value,
      eventTime: fc.integer({ min: 0, max: 200_000 }),
      outcome: fc.constantFrom('ok', 'ok', 'ok', 'drop', 'dead'),
      severity: fc.constantFrom('low', 'high', undefined),
    }),
    { maxLength: 50 },
  )
  .map((all) =>
    all.map(({ value, eventTime, outcome, severity }, offset): Entry => {
      const place = { ...head, offset: offset * 3 + 2 ** 33, eventTime }
      if (outcome === 'dead') return { ...place, outcome, stage: 'parse', reason: '', raw: '' }
      if (outcome === 'drop') return { ...place, outcome, rule: 'r', value }
      return { ...place, outcome: 'ok', ...(severity === undefined ? {} : { severity }), value }
    }),
  )

function batchOf(all: readonly Entry[]): ColumnBatch {
  const fields = new Set(all.flatMap((entry) => (entry.outcome === 'dead' ? [] : Object.keys(entry.value))))
  return {
    topic: head.topic,
    partition: head.partition,
    rows: all.length,
    offsets: all.map(({ offset }) => offset),
    eventTimes: all.map(({ eventTime }) => eventTime),
    outcomes: all.map(({ outcome }) => outcome),
    severities: all.map((entry) => (entry.outcome === 'ok' ? (entry.severity ?? null) : null)),
    field: (name) =>
      fields.has(name)
        ? all.map((entry) => (entry.outcome === 'dead' ? null : entry.value[name]))
        : undefined,
  }
}

/** What the speed layer's way makes of the entries, by slot and key. */
function folded(view: View, all: readonly Entry[]): Map<string, string> {
  const states = new Map<string, typeof view.empty>()
  for (const entry of all)
    for (const key of view.keysOf(entry)) {
      const id = `${view.slotOf(entry.eventTime)} ${key}`
      states.set(id, view.add(states.get(id) ?? view.empty, entry))
    }
  return new Map([...states].map(([id, one]) => [id, JSON.stringify(view.toJson(one))]))
}

function taken(view: View, aggregator: ColumnAggregator): Map<string, string> {
  return new Map(
    [...aggregator.take()].map(({ key, slot, states }) => [
      `${slot} ${key}`,
      JSON.stringify(view.toJson(states)),
    ]),
  )
}

describe.each(Object.entries(VIEWS))('columns by %s', (_, definition) => {
  const view = compileView('test', 'view', definition)

  it('make to the byte what entries make, however the rows are cut into batches', () => {
    fc.assert(
      fc.property(entries, fc.nat(), (all, cut) => {
        const aggregator = new ColumnAggregator(view)
        const at = all.length === 0 ? 0 : cut % all.length
        aggregator.add(batchOf(all.slice(0, at)))
        aggregator.add(batchOf(all.slice(at)))
        const groups = aggregator.groups
        const result = taken(view, aggregator)
        expect(result).toEqual(folded(view, all))
        expect(result.size).toBe(groups)
        expect(taken(view, aggregator).size).toBe(0)
      }),
    )
  })

  it('take only the rows that are asked for', () => {
    fc.assert(
      fc.property(entries, fc.func(fc.boolean()), (all, wanted) => {
        const rows = all.flatMap((_, i) => (wanted(i) ? [i] : []))
        const aggregator = new ColumnAggregator(view)
        aggregator.add(batchOf(all), rows)
        expect(taken(view, aggregator)).toEqual(
          folded(
            view,
            rows.flatMap((i) => all[i] ?? []),
          ),
        )
      }),
    )
  })
})

it('columns of far more keys and slots than are listed', () => {
  const view = compileView('test', 'view', VIEWS['two fields'] ?? definition({}))
  const all = Array.from(
    { length: 6_000 },
    (_, i): Entry => ({
      ...head,
      offset: i,
      eventTime: (i % 7) * 60_000,
      outcome: 'ok',
      value: { text: `t${i % 2_900}`, mixed: i % 2 },
    }),
  )
  const aggregator = new ColumnAggregator(view)
  aggregator.add(batchOf(all))
  expect(taken(view, aggregator)).toEqual(folded(view, all))
})
