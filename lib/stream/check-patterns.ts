import { SEVERITIES } from './alert.ts'
import type { Column } from './columns.ts'
import {
  eventTimeAggregate,
  type PatternDefinition,
  type SequencePattern,
  type ThresholdPattern,
} from './pattern.ts'
import type { ViewDefinition } from './view-definition.ts'

/** Boards that the batch layer has taken over may be deleted an hour later, so a longer window could miss some. */
const WINDOW_MS_MAX = 3_600_000
const SLOTS_MAX = 360
const PRECISION = 12
/** Records that a key is asked about: enough for one that reads eight fields. */
const PROBES_MAX = 256

type Fail = (what: string) => never

/** Of the stream: what patterns are checked against. */
export interface PatternSurroundings {
  readonly views: Readonly<Record<string, ViewDefinition>>
  readonly columns: readonly Column[]
  readonly key: ((value: never) => string | undefined) | undefined
}

/** Throws an Error that names the pattern, the part that is wrong, and what to do. */
export function checkPatterns(
  stream: string,
  patterns: Readonly<Record<string, PatternDefinition>>,
  { views, columns, key }: PatternSurroundings,
): void {
  for (const [name, pattern] of Object.entries(patterns)) {
    const fail: Fail = (what) => {
      throw new Error(`stream ${stream}, pattern ${name}: ${what}`)
    }
    if (!/^[a-z][A-Za-z0-9]{0,39}$/.test(name)) fail('a name is a lower case letter, then letters and digits')
    if (pattern.title === '') fail('title is empty')
    if (!SEVERITIES.includes(pattern.severity)) fail(`severity is none of ${SEVERITIES.join(', ')}`)
    const { windowMs } = pattern
    if (!(Number.isInteger(windowMs) && windowMs > 0 && windowMs <= WINDOW_MS_MAX))
      fail(`windowMs must be a whole number from 1 to ${WINDOW_MS_MAX} (an hour), got ${windowMs}`)
    const found = (view: string) =>
      Object.hasOwn(views, view) ? (views[view] as ViewDefinition) : fail(`the stream has no view ${view}`)
    if (pattern.kind === 'threshold') checkThreshold(pattern, found(pattern.view), fail)
    else checkSequence(pattern, found(pattern.first), found(pattern.next), fail)
    const { groupBy } = found(pattern.kind === 'threshold' ? pattern.view : pattern.first)
    checkKey(groupBy, columns, key, fail)
  }
}

function checkThreshold(
  { view, aggregate, limit, windowMs }: ThresholdPattern,
  seen: ViewDefinition,
  fail: Fail,
) {
  const one = Object.hasOwn(seen.aggregates, aggregate) ? seen.aggregates[aggregate] : undefined
  if (one?.kind !== 'count' && one?.kind !== 'distinct')
    return fail(`view ${view} has no count or distinct called ${aggregate}`)
  if (!(Number.isInteger(limit) && limit >= 1)) fail(`limit must be a whole number from 1 up, got ${limit}`)
  const exactMax = one.kind === 'distinct' ? 2 ** (one.precision ?? PRECISION) / 8 : limit
  if (limit > exactMax)
    fail(`a distinct count is exact up to ${exactMax}, and limit is ${limit}: raise its precision`)
  const slots = windowMs / seen.slotMs
  if (!(Number.isInteger(slots) && slots <= SLOTS_MAX))
    fail(`windowMs must be 1 to ${SLOTS_MAX} slots of view ${view} (${seen.slotMs} ms each), got ${windowMs}`)
}

function checkSequence(
  { first, next, windowMs }: SequencePattern,
  before: ViewDefinition,
  after: ViewDefinition,
  fail: Fail,
): void {
  if (before.groupBy.join() !== after.groupBy.join())
    fail(`views ${first} and ${next} must have the same key, got ${before.groupBy} and ${after.groupBy}`)
  for (const [name, view] of [
    [first, before],
    [next, after],
  ] as const) {
    for (const kind of ['min', 'max'] as const)
      if (eventTimeAggregate(view, kind) === undefined)
        fail(`view ${name} needs a ${kind} of @eventTime among its aggregates`)
    if (view.slotMs !== before.slotMs) fail(`views ${first} and ${next} must have slots of the same length`)
    if (view.slotMs > windowMs || windowMs / view.slotMs > SLOTS_MAX)
      fail(
        `windowMs must be 1 to ${SLOTS_MAX} slots of view ${name} (${view.slotMs} ms each), got ${windowMs}`,
      )
  }
  const apart = (before.where ?? []).some(({ field, in: some }) =>
    (after.where ?? []).some((other) => other.field === field && !other.in.some((one) => some.includes(one))),
  )
  if (!apart)
    fail(
      `a record could be in both ${first} and ${next}, and follow on itself: give them \`where\` conditions on ` +
        'the same field that have no value in common',
    )
}

/**
 * The stream's key is a function, and so it is asked which fields it reads: of a view's key that has them all, every record
 * is in one partition, unless the function is not one of its fields' values alone.
 */
function checkKey(
  groupBy: readonly string[],
  columns: readonly Column[],
  key: PatternSurroundings['key'],
  fail: Fail,
): void {
  if (key === undefined)
    fail('the stream declares no `key`, so the records of one source may lie in any partition')
  const read = fieldsRead(key)
  const how = 'declare it as one field, `key: ({ source_ip }) => source_ip`, and group the view by that field'
  if (read === undefined || read.size === 0) fail(`cannot tell what the stream's \`key\` reads: ${how}`)
  for (const field of read) {
    if (!groupBy.includes(field))
      fail(
        `the stream's \`key\` reads ${field}, which the view's key (${groupBy.join(', ')}) does not hold, so no ` +
          `partition sees all of a key: ${how}`,
      )
    if (columns.find(({ name }) => name === field)?.kind === 'json')
      fail(`the stream's \`key\` reads ${field}, which may be an array: a pattern's key is one value`)
  }
}

/**
 * The fields that a key function reads of a record that has text in all of them, and of records that lack some of what it
 * reads: of `user ?? ip` it reads `ip` only then. Undefined where it throws though nothing is lacking, or tries too much.
 */
function fieldsRead(key: (value: never) => string | undefined): ReadonlySet<string> | undefined {
  const read = new Set<string>()
  const tried = new Set<string>()
  const left: (readonly string[])[] = [[]]
  for (let absent = left.pop(); absent !== undefined; absent = left.pop()) {
    const id = JSON.stringify(absent)
    if (tried.has(id)) continue
    if (tried.size === PROBES_MAX) return undefined
    tried.add(id)
    const { fields, threw } = probe(key, new Set(absent))
    // A key may count on a field that the schema demands: `user.toLowerCase()` throws where there is none.
    if (threw && absent.length === 0) return undefined
    for (const field of fields) {
      read.add(field)
      if (!absent.includes(field)) left.push([...absent, field].sort())
    }
  }
  return read
}

function probe(
  key: (value: never) => string | undefined,
  absent: ReadonlySet<string>,
): { readonly fields: ReadonlySet<string>; readonly threw: boolean } {
  const fields = new Set<string>()
  const has = (name: string | symbol) => {
    if (typeof name === 'string') fields.add(name)
    return typeof name !== 'string' || !absent.has(name)
  }
  const record = new Proxy(
    {},
    { has: (_, name) => has(name), get: (_, name) => (has(name) ? 'text' : undefined) },
  )
  try {
    key(record as never)
    return { fields, threw: false }
  } catch {
    return { fields, threw: true }
  }
}
