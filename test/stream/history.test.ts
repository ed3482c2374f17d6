import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { json } from '../../lib/formats/json.ts'
import { defineStream, type Stream } from '../../lib/stream/define.ts'
import { checkHistories } from '../../lib/stream/history.ts'
import { streams as shipped } from '../../streams/index.ts'

const HOUR_MS = 3_600_000

const byUser = {
  title: 'By user',
  groupBy: ['user'],
  slotMs: HOUR_MS,
  aggregates: {
    count: { kind: 'count' },
    last: { kind: 'max', field: 'n' },
    usual: { kind: 'quantile', field: 'n', at: [0.5] },
  },
} as const

interface Wanted {
  readonly view: string
  readonly windowMs?: number
  readonly aggregates?: readonly string[]
}

/** A stream that looks one thing up, with a view by a field of its own and one by a field it adds. */
function stream(name: string, wanted?: Wanted): Stream {
  const own = z.object({ user: z.string(), n: z.number() })
  const history: Record<string, ReturnType<typeof lookup>> = wanted === undefined
    ? {}
    : { past: lookup(wanted) }
  return defineStream({
    name,
    title: name,
    description: '',
    format: json(),
    schema: own,
    enrich: {
      schema: z.object({ before: z.number() }),
      history,
      add: (_value, _tables, _version, { past }) => ({ before: past?.count ?? 0 }),
    },
    views: {
      byUser,
      byUserShort: { ...byUser, retentionDays: 2 },
      byBefore: { ...byUser, groupBy: ['before'] },
      bySeverity: { ...byUser, where: [{ field: '@severity', in: ['high'] }] },
    },
    partitions: 1,
  })
}

function lookup({ view, windowMs = HOUR_MS, aggregates = ['count'] }: Wanted) {
  return { view, windowMs, aggregates, key: ({ user }: { user: string }) => user }
}

const check = (...all: readonly Stream[]) => checkHistories(new Map(all.map((one) => [one.name, one])))

describe('histories', () => {
  it('are typed by the names of the declaration, and undefined where nothing is known', () => {
    const one = defineStream({
      name: 'one',
      title: 'One',
      description: '',
      format: json(),
      schema: z.object({ user: z.string() }),
      enrich: {
        schema: z.object({ before: z.number(), most: z.number().nullable() }),
        history: {
          past: {
            view: 'one.byUser',
            key: ({ user }) => user,
            windowMs: HOUR_MS,
            aggregates: ['count', 'last'],
          },
        },
        add: (_value, _tables, _version, { past }) => {
          // @ts-expect-error: not asked for
          void past?.mean
          const count: number = past?.count ?? -1
          return { before: count, most: past?.last ?? null }
        },
      },
      views: {},
      partitions: 1,
    })
    expect(one.enrich({ user: 'u' })).toEqual({ user: 'u', before: -1, most: null })
    const found = { past: { count: 3, last: null } }
    expect(one.enrich({ user: 'u' }, undefined, found)).toEqual({ user: 'u', before: 3, most: null })
  })

  it('of the streams of this deployment are sound', () => {
    expect(() => checkHistories(shipped)).not.toThrow()
  })

  it('may name a view of another stream, and one of their own that reads only what came in', () => {
    expect(() => check(stream('a', { view: 'b.byBefore' }), stream('b', { view: 'b.byUser' }))).not.toThrow()
  })

  it.each<[string, Wanted]>([
    ['there is no view "a.other"', { view: 'a.other' }],
    ['there is no view "c.byUser"', { view: 'c.byUser' }],
    ['there is no view "a.toString"', { view: 'a.toString' }],
    ['a.byUser has no aggregate mean; it has count, last, usual', { view: 'a.byUser', aggregates: ['mean'] }],
    ['usual is a quantile, which is not one number', { view: 'a.byUser', aggregates: ['usual'] }],
    ['aggregates names none', { view: 'a.byUser', aggregates: [] }],
    ['windowMs must be a whole number of ms, got 0', { view: 'a.byUser', windowMs: 0 }],
    [
      'a window of 2.5 days; a.byUserShort keeps 2 (retentionDays)',
      { view: 'a.byUserShort', windowMs: 60 * HOUR_MS },
    ],
    ['a window of 1001 slots', { view: 'a.byUser', windowMs: 1001 * HOUR_MS }],
  ])('are refused where %s', (what, wanted) => {
    expect(() => check(stream('a', wanted))).toThrow(`stream a, history past: ${what}`)
  })

  it.each([
    ['on itself', [stream('a', { view: 'a.byBefore' })]],
    ['on itself through scores', [stream('a', { view: 'a.bySeverity' })]],
    ['through another stream', [stream('a', { view: 'b.byBefore' }), stream('b', { view: 'a.byBefore' })]],
    [
      'through two others, one of which also feeds back alone',
      [
        stream('a', { view: 'b.byBefore' }),
        stream('b', { view: 'c.bySeverity' }),
        stream('c', { view: 'a.byBefore' }),
      ],
    ],
  ])('that depend %s are refused', (_, all) => {
    expect(() => check(...all)).toThrow('feeds back')
  })
})
