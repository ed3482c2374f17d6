import fc from 'fast-check'
import type { Column } from '../../lib/stream/columns.ts'
import { type Entry, readEntry, writeEntry } from '../../lib/stream/entry.ts'

/** One column of every kind, and one whose name every object inherits. */
export const COLUMNS: readonly Column[] = [
  { name: 'text', kind: 'string', optional: false },
  { name: 'number', kind: 'number', optional: true },
  { name: 'integer', kind: 'integer', optional: true },
  { name: 'flag', kind: 'boolean', optional: true },
  { name: 'list', kind: 'json', optional: true },
  { name: 'constructor', kind: 'json', optional: true },
]

const anyField = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('\ufeff', '\u0000', '\ud800', 'a', '😀') }),
  fc.double(),
  fc.maxSafeInteger(),
  fc.boolean(),
  fc.constant(null),
  fc.jsonValue({ maxDepth: 2 }),
)

/** Records of which most fields suit their column, some do not, and some have no column. */
const anyValue = fc
  .record(
    {
      text: fc.oneof({ weight: 4, arbitrary: fc.string({ unit: 'binary' }) }, anyField),
      number: fc.oneof({ weight: 4, arbitrary: fc.double({ noNaN: true }) }, anyField),
      integer: fc.oneof({ weight: 4, arbitrary: fc.maxSafeInteger() }, anyField),
      flag: fc.oneof({ weight: 4, arbitrary: fc.boolean() }, anyField),
      list: fc.oneof({ weight: 4, arbitrary: fc.array(fc.string()) }, anyField),
      constructor: anyField,
      stranger: anyField,
      __proto__: anyField,
    },
    { requiredKeys: [] },
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as Record<string, unknown>)

const anyTime = fc.integer({ min: 0, max: 4_000_000_000_000 })
const head = { site: fc.constantFrom('here', 'there'), appendTime: anyTime, eventTime: anyTime }
const reason = fc.record({
  feature: fc.string(),
  value: fc.oneof(fc.string(), fc.boolean()),
  share: fc.constant(0.5),
  text: fc.string(),
})

const anyOk = fc.record(
  {
    ...head,
    outcome: fc.constant('ok'),
    value: anyValue,
    score: fc.double({ min: 0, max: 1, noNaN: true }),
    threshold: fc.constant(0.7),
    model: fc.constantFrom('v1', 'v2'),
    severity: fc.constantFrom('low', 'critical'),
    reasons: fc.array(reason, { maxLength: 2 }),
  },
  { requiredKeys: ['site', 'appendTime', 'eventTime', 'outcome', 'value'] },
)
const anyDrop = fc.record({
  ...head,
  outcome: fc.constant('drop'),
  rule: fc.string(),
  value: anyValue,
})
const bytes = fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw).toString('base64'))
const pointer = fc.record({ key: fc.string(), sizeBytes: fc.nat(), sha256: fc.string() })
const anyDead = fc.record({
  ...head,
  outcome: fc.constant('dead'),
  stage: fc.constantFrom('parse', 'guard'),
  reason: fc.string(),
  raw: fc.oneof(bytes, pointer),
})

/** Entries as a log would hold them: of one raw partition, offsets from 0 up, made of JSON. */
export const anyEntries = (maxLength: number): fc.Arbitrary<readonly Entry[]> =>
  fc.array(fc.oneof({ weight: 4, arbitrary: anyOk }, anyDrop, anyDead), { maxLength }).map((list) =>
    list.map((entry, offset) => {
      const origin = { topic: 'test.raw.g1', partition: 3, offset }
      return readEntry(writeEntry({ ...entry, ...origin } as Entry))
    }),
  )
