import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { json } from '../../lib/formats/json.ts'
import { defineStream } from '../../lib/stream/define.ts'
import type { PatternDefinition, SequencePattern, ThresholdPattern } from '../../lib/stream/pattern.ts'
import type { ViewDefinition } from '../../lib/stream/view-definition.ts'

interface Visit {
  readonly user: string
  readonly door: string
  readonly tags: readonly string[]
}
type Key = (value: Visit) => string | undefined

const seen = {
  first: { kind: 'min', field: '@eventTime' },
  last: { kind: 'max', field: '@eventTime' },
} as const

function view(change: Partial<ViewDefinition> = {}): ViewDefinition {
  const aggregates = {
    count: { kind: 'count' },
    doors: { kind: 'distinct', field: 'door' },
    ...seen,
  } as const
  return { title: '', groupBy: ['user'], slotMs: 60_000, aggregates, ...change }
}

const VIEWS = {
  all: view(),
  wide: view({ groupBy: ['door', 'user'] }),
  doors: view({ groupBy: ['door'] }),
  tags: view({ groupBy: ['tags'] }),
  refused: view({ where: [{ field: 'kind', in: ['refused'] }] }),
  admitted: view({ where: [{ field: 'kind', in: ['admitted', 'guest'] }] }),
  some: view({ where: [{ field: 'kind', in: ['refused', 'guest'] }] }),
  longer: view({ where: [{ field: 'kind', in: ['admitted'] }], slotMs: 600_000 }),
  timeless: view({ where: [{ field: 'kind', in: ['admitted'] }], aggregates: { count: { kind: 'count' } } }),
  bare: view({ aggregates: { few: { kind: 'distinct', field: 'door', precision: 8 } } }),
}

const common = { title: 'It', severity: 'high' } as const
const threshold = (change: Partial<ThresholdPattern> = {}): ThresholdPattern => ({
  ...common,
  ...{ kind: 'threshold', view: 'all', aggregate: 'count', limit: 10, windowMs: 300_000, ...change },
})
const sequence = (change: Partial<SequencePattern> = {}): SequencePattern => ({
  ...common,
  ...{ kind: 'sequence', first: 'refused', next: 'admitted', windowMs: 300_000, ...change },
})

function define(pattern: PatternDefinition, key: Key = ({ user }) => user, name = 'it') {
  return defineStream({
    name: 'visits',
    title: '',
    description: '',
    format: json(),
    schema: z.object({ user: z.string(), door: z.string(), kind: z.string(), tags: z.array(z.string()) }),
    key,
    views: VIEWS,
    patterns: { [name]: pattern },
    partitions: 4,
  })
}

describe('a pattern', () => {
  it.each<[string, PatternDefinition, Key?]>([
    ['a count', threshold()],
    ['a distinct count', threshold({ aggregate: 'doors', limit: 512 })],
    ['a key of several fields', threshold({ view: 'wide' }), ({ user }) => user],
    ['a key that is made of the field', threshold(), ({ user }) => user.toLowerCase()],
    ['one field or another of its key', threshold({ view: 'wide' }), ({ user, door }) => user ?? door],
    ['a sequence', sequence()],
    ['a sequence that is no multiple of slots', sequence({ windowMs: 90_500 })],
  ])('may be of %s', (_, pattern, key) => {
    expect(define(pattern, key).patterns).toEqual({ it: pattern })
  })

  it.each<[string, PatternDefinition, RegExp]>([
    ['no title', threshold({ title: '' }), /stream visits, pattern it: title is empty/],
    ['a view there is not', threshold({ view: 'none' }), /the stream has no view none/],
    ['the view of all records', threshold({ view: 'records' }), /the stream has no view records/],
    ['an aggregate there is not', threshold({ aggregate: 'none' }), /no count or distinct called none/],
    ['a time as what is counted', threshold({ aggregate: 'last' }), /no count or distinct called last/],
    ['no limit', threshold({ limit: 0 }), /limit must be a whole number from 1 up, got 0/],
    [
      'a limit that a sketch cannot tell',
      threshold({ view: 'bare', aggregate: 'few', limit: 33 }),
      /exact up to 32, and limit is 33/,
    ],
    [
      'a window of half a slot',
      threshold({ windowMs: 90_000 }),
      /1 to 360 slots of view all \(60000 ms each\)/,
    ],
    ['a window too long', threshold({ windowMs: 7_200_000 }), /from 1 to 3600000 \(an hour\), got 7200000/],
    ['two keys', sequence({ next: 'wide' }), /refused and wide must have the same key/],
    ['no times', sequence({ next: 'timeless' }), /view timeless needs a min of @eventTime/],
    ['two lengths of slots', sequence({ next: 'longer' }), /slots of the same length/],
    ['a window below a slot', sequence({ windowMs: 30_000 }), /1 to 360 slots of view refused/],
    ['a record that follows on itself', sequence({ next: 'some' }), /could be in both refused and some/],
    ['one view', sequence({ next: 'refused' }), /could be in both refused and refused/],
    ['no condition', sequence({ first: 'all' }), /could be in both all and admitted/],
  ])('with %s is refused', (_, pattern, message) => {
    expect(() => define(pattern)).toThrow(message)
  })

  it.each<[string, string, Key, RegExp]>([
    ['another field', 'doors', ({ user }) => user, /reads user, which the view's key \(door\) does not hold/],
    ['one field of two', 'all', ({ user, door }) => user + door, /reads door, which the view's key \(user\)/],
    ['another where it is absent', 'all', (one) => one.user ?? one.door, /reads door, which/],
    [
      'a third where two are absent',
      'wide',
      (one) => one.user || one.door || one.tags[0],
      /reads tags, which/,
    ],
    ['what it asks for by name', 'doors', (one) => ('user' in one ? one.door : 'x'), /reads user, which/],
    ['an array', 'tags', ({ tags }) => String(tags), /reads tags, which may be an array/],
    ['nothing', 'all', () => 'x', /cannot tell what the stream's `key` reads/],
    ['what is not there', 'all', ({ user }) => (user as never as Visit[])[0]?.tags[0]?.at(9), /cannot tell/],
  ])('is refused where the key reads %s', (_, of, key, message) => {
    expect(() => define(threshold({ view: of }), key)).toThrow(message)
  })

  it('is refused where records have no key, and under an odd name', () => {
    const keyless = () =>
      defineStream({
        ...{ name: 'visits', title: '', description: '', format: json(), partitions: 4 },
        schema: z.object({ user: z.string(), door: z.string(), kind: z.string(), tags: z.array(z.string()) }),
        views: VIEWS,
        patterns: { it: threshold() },
      })
    expect(keyless).toThrow(/declares no `key`, so the records of one source may lie in any partition/)
    expect(() => define(threshold(), undefined, 'My pattern')).toThrow(/a name is a lower case letter/)
  })
})
