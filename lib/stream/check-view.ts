import type { Column, ColumnKind } from './columns.ts'
import type { AggregateDefinition, FieldCondition, ViewDefinition } from './view-definition.ts'

const DAY_MS = 86_400_000
const SLOT_MS_MIN = 10_000
/** Members of a row of an answer, beside the aggregates. */
const ROW_MEMBERS = ['key', 'fields', 'from', 'to']
/** The entry's own, and what they can be. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  '@outcome': ['ok', 'drop', 'dead'],
  '@severity': ['low', 'medium', 'high', 'critical'],
}
/** The entry's time, in ms: of use to min and max alone. */
const EVENT_TIME = '@eventTime'
/** A field that may be null, or that is an array, has the kind json. */
const NUMERIC: readonly ColumnKind[] = ['number', 'integer', 'json']

/** Checks a view against the columns of its stream. Throws an Error that names the view, the part that is wrong and why. */
export function checkView(
  stream: string,
  name: string,
  definition: ViewDefinition,
  columns: readonly Column[],
): void {
  const where = `stream ${stream}, view ${name}`
  const fail: Fail = (what) => {
    throw new Error(`${where}: ${what}`)
  }
  const { slotMs, groupBy, aggregates, retentionDays } = definition
  if (!/^[a-z][A-Za-z0-9]{0,39}$/.test(name))
    throw new Error(`stream ${stream}: bad view name ${JSON.stringify(name)}`)
  if (!(slotMs >= SLOT_MS_MIN && DAY_MS % slotMs === 0))
    fail(`slotMs must be 10,000 or more and divide a day, got ${slotMs}`)
  if (retentionDays !== undefined && !(Number.isInteger(retentionDays) && retentionDays >= 1))
    fail(`retentionDays must be a whole number from 1 up, got ${retentionDays}`)
  if (groupBy.length === 0) fail('groupBy names no field')
  if (new Set(groupBy).size < groupBy.length) fail('groupBy names a field twice')
  for (const field of groupBy) kindOf(field, 'groupBy', columns, fail)
  checkConditions(definition.where ?? [], 'where', columns, fail)
  if (Object.keys(aggregates).length === 0) fail('no aggregates')
  for (const [aggregate, one] of Object.entries(aggregates)) {
    if (!/^[A-Za-z][A-Za-z0-9]{0,39}$/.test(aggregate) || ROW_MEMBERS.includes(aggregate))
      fail(`bad aggregate name ${JSON.stringify(aggregate)}`)
    checkAggregate(one, columns, (what) => fail(`${aggregate}: ${what}`))
  }
}

type Fail = (what: string) => never

function checkAggregate(one: AggregateDefinition, columns: readonly Column[], fail: Fail): void {
  switch (one.kind) {
    case 'count':
      break
    case 'sum':
    case 'mean':
      checkNumeric(one.field, one.kind, columns, fail)
      checkWhole(one.decimals, 'decimals', 0, 12, fail)
      break
    case 'ratio':
      checkNumeric(one.field, one.kind, columns, fail)
      checkNumeric(one.by, one.kind, columns, fail)
      checkWhole(one.decimals, 'decimals', 0, 12, fail)
      break
    case 'min':
    case 'max':
      if (one.field !== EVENT_TIME) checkNumeric(one.field, one.kind, columns, fail)
      break
    case 'share':
      if (one.where.length === 0) fail('share of everything: where names no condition')
      checkConditions(one.where, 'share', columns, fail)
      break
    case 'distinct':
      kindOf(one.field, one.kind, columns, fail)
      checkWhole(one.precision, 'precision', 8, 16, fail)
      break
    case 'top':
      kindOf(one.field, one.kind, columns, fail)
      checkWhole(one.capacity, 'capacity', 8, 10_000, fail)
      checkWhole(one.k, 'k', 1, one.capacity ?? 1_000, fail)
      break
    case 'quantile':
      checkQuantile(one, columns, fail)
      break
    case 'histogram':
      checkNumeric(one.field, one.kind, columns, fail)
      if (one.bounds.length === 0 || one.bounds.length > 1_000 || !ascends(one.bounds))
        fail('bounds must be 1 to 1,000 numbers in ascending order')
      break
    default:
      one satisfies never
      fail(`unknown kind ${JSON.stringify((one as { kind: unknown }).kind)}`)
  }
}

function checkQuantile(
  one: Extract<AggregateDefinition, { kind: 'quantile' }>,
  columns: readonly Column[],
  fail: Fail,
): void {
  checkNumeric(one.field, one.kind, columns, fail)
  if (one.at.length === 0 || one.at.some((rank) => !(rank >= 0 && rank <= 1)))
    fail('at must name ranks from 0 to 1')
  const { accuracy = 0.01 } = one
  if (!(accuracy >= 0.001 && accuracy <= 0.1)) fail(`accuracy must be 0.001 to 0.1, got ${accuracy}`)
}

function checkConditions(
  conditions: readonly FieldCondition[],
  place: string,
  columns: readonly Column[],
  fail: Fail,
): void {
  for (const { field, in: wanted } of conditions) {
    const kind = kindOf(field, place, columns, fail)
    if (wanted.length === 0) fail(`${place}: the condition on ${field} lists no value, so it never holds`)
    const own = OWN[field]
    const wrong = wanted.find((value) =>
      own === undefined ? !fits(value, kind) : !own.includes(String(value)),
    )
    if (wrong !== undefined)
      fail(
        `${place}: ${field} is never ${JSON.stringify(wrong)}: ${own?.join(', ') ?? `its kind is ${kind}`}`,
      )
  }
}

function fits(value: string | number | boolean, kind: ColumnKind): boolean {
  if (kind === 'json') return true
  if (kind === 'integer') return Number.isInteger(value)
  return typeof value === kind
}

function checkNumeric(field: string, place: string, columns: readonly Column[], fail: Fail): void {
  const kind = kindOf(field, place, columns, fail)
  if (!NUMERIC.includes(kind)) fail(`${place} needs numbers, and ${field} is of kind ${kind}`)
}

function kindOf(field: string, place: string, columns: readonly Column[], fail: Fail): ColumnKind {
  const kind = Object.hasOwn(OWN, field) ? 'string' : columns.find(({ name }) => name === field)?.kind
  return kind ?? fail(`${place} names ${field}, which no schema of the stream has`)
}

function checkWhole(value: number | undefined, name: string, min: number, max: number, fail: Fail): void {
  if (value === undefined || (Number.isInteger(value) && value >= min && value <= max)) return
  fail(`${name} must be a whole number from ${min} to ${max}, got ${value}`)
}

function ascends(numbers: readonly number[]): boolean {
  return numbers.every((n, i) => Number.isFinite(n) && (i === 0 || n > (numbers[i - 1] as number)))
}
