import type { z } from 'zod'

/** True: the full schema accepts the fields as they are and changes nothing. False: ask the full schema. */
export type QuickCheck = (fields: Readonly<Record<string, unknown>>) => boolean

type Test = (value: unknown) => boolean

/**
 * The part of a schema that can be checked in a few comparisons: strings, booleans, choices and numbers with bounds. Zod spends
 * 4 us a record on 42 bounded fields, this 0.3 (bench/pipeline/stages.ts, row "score"). A field of any other kind only
 * passes here while it is absent and may be; undefined where the object itself has checks.
 */
export function quickCheck(schema: z.ZodObject): QuickCheck | undefined {
  const { checks, catchall } = schema._zod.def
  if ((checks?.length ?? 0) > 0 || catchall !== undefined) return undefined
  const names = Object.keys(schema.shape)
  const tests = names.map((name) => testOf(schema.shape[name] as z.ZodType))
  return (fields) => {
    for (let i = 0; i < names.length; i++) {
      if (tests[i]?.(fields[names[i] as string]) !== true) return false
    }
    return true
  }
}

function testOf(field: z.ZodType): Test {
  const def = defOf(field)
  if (def.type === 'optional' && def.innerType !== undefined) {
    const inner = testOf(def.innerType)
    return (value) => value === undefined || inner(value)
  }
  // `check`: the field is a format of its own, such as an email; only whole numbers are simple among those.
  const simple = def.coerce !== true && (def.check === undefined || def.format === 'safeint')
  if (!simple) return () => false
  const checks = (def.checks ?? []).map((check) => check._zod.def)
  if (def.type === 'number') return numberTest(def.format === 'safeint' ? [...checks, SAFE_INT] : checks)
  if (def.type === 'string') return stringTest(checks)
  if (def.type === 'boolean' && checks.length === 0) return (value) => typeof value === 'boolean'
  if (def.type === 'enum' && def.entries !== undefined && checks.length === 0) {
    const allowed = new Set<unknown>(Object.values(def.entries))
    return (value) => allowed.has(value)
  }
  return () => false
}

interface Def {
  readonly type: string
  readonly innerType?: z.ZodType
  readonly coerce?: boolean
  readonly check?: string
  readonly format?: string
  readonly entries?: Readonly<Record<string, string | number>>
  readonly checks?: readonly { readonly _zod: { readonly def: CheckDef } }[]
}

interface CheckDef {
  readonly check: string
  readonly format?: string
  readonly value?: number
  readonly inclusive?: boolean
  readonly minimum?: number
}

const SAFE_INT: CheckDef = { check: 'number_format', format: 'safeint' }

function defOf(field: z.ZodType): Def {
  return field._zod.def as unknown as Def
}

function numberTest(checks: readonly CheckDef[]): Test {
  let integer = false
  let min = Number.NEGATIVE_INFINITY
  let max = Number.POSITIVE_INFINITY
  for (const { check, format, value, inclusive } of checks) {
    if (check === 'number_format' && format === 'safeint') integer = true
    else if (check === 'greater_than' && inclusive === true && typeof value === 'number')
      min = Math.max(min, value)
    else if (check === 'less_than' && inclusive === true && typeof value === 'number')
      max = Math.min(max, value)
    else return () => false
  }
  return (value) =>
    typeof value === 'number' &&
    value >= min &&
    value <= max &&
    (integer ? Number.isSafeInteger(value) : Number.isFinite(value))
}

function stringTest(checks: readonly CheckDef[]): Test {
  let min = 0
  for (const { check, minimum } of checks) {
    if (check !== 'min_length' || typeof minimum !== 'number') return () => false
    min = Math.max(min, minimum)
  }
  return (value) => typeof value === 'string' && value.length >= min
}
