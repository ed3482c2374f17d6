import { z } from 'zod'
import { checkPatterns } from './check-patterns.ts'
import { checkView } from './check-view.ts'
import { type Column, columnsOf } from './columns.ts'
import type { DetectorDefinition, Scorer, Severity } from './detector.ts'
import { type Format, FormatError, type Framing, NoRecord } from './format.ts'
import { type History, type HistoryDefinitions, type HistoryOf, NO_HISTORY } from './history.ts'
import type { PatternDefinition } from './pattern.ts'
import { type QuickCheck, quickCheck } from './quick-check.ts'
import { emptyTables, type LoadedTables, type TableDefinitions, type TablesOf } from './table.ts'
import type { Value } from './value.ts'
import type { ViewDefinition } from './view-definition.ts'

/** A stream as its author declares it: one file in streams/. Everything else is derived from it. */
export interface StreamDeclaration<
  S extends z.ZodObject,
  A extends z.ZodObject,
  T extends TableDefinitions = TableDefinitions,
  H extends HistoryDefinitions<z.output<S>> = HistoryDefinitions<z.output<S>>,
> {
  /** Lower case letters, digits and dashes: names topics, tables, folders and pages. */
  readonly name: string
  readonly title: string
  readonly description: string
  readonly format: Format
  readonly schema: S
  /** Event time in ms since 1970; undefined, or before 1970: the append time. */
  readonly time?: (value: z.output<S>, appendTimeMs: number) => number | undefined
  /** Records of one key stay in one partition, in order. Without it they are spread evenly. */
  readonly key?: (value: z.output<S>) => string | undefined
  /** Fields to add, and their schema. Pure: the same value, tables and history always give the same fields. */
  readonly enrich?: {
    readonly schema: A
    /** Reference tables by the names under which `weir reference put` takes their files. */
    readonly tables?: T
    /** What to look up in views, by the names `add` finds it under (history.ts). Stored with the record for good. */
    readonly history?: H
    /** `version` names the tables in use, for a field of the record's own. */
    readonly add: (
      value: z.output<S>,
      tables: TablesOf<T>,
      version: string,
      history: HistoryOf<H>,
    ) => z.output<A>
  }
  /** Valid records to keep out of views and alerts; the first rule that holds is recorded. */
  readonly drop?: readonly { readonly rule: string; readonly when: (value: z.output<S>) => boolean }[]
  readonly detect?: DetectorDefinition
  /** In place of `detect`: scores without a model, such as `points({ ... })`. */
  readonly score?: Scorer
  readonly views: Readonly<Record<string, ViewDefinition>>
  /** What to look for in the views: thresholds and sequences, each of which raises an alert. */
  readonly patterns?: Readonly<Record<string, PatternDefinition>>
  readonly alerts?: {
    /** One line for people. */
    readonly title: (value: z.output<S> & z.output<A>) => string
    /** Alerts of one group within a window are one incident. A pure function: the same wherever it is asked. */
    readonly group: (value: z.output<S> & z.output<A>, severity: Severity) => string
    readonly windowMs: number
    /**
     * What a record is raised for that is raised once, however many records there are of it: a new kind of line, say.
     * Without it, or where it gives undefined, every record that scores as an alert is one.
     */
    readonly once?: (value: z.output<S> & z.output<A>) => RaisedFor | undefined
  }
  /** Partitions of its topics at first deployment. */
  readonly partitions: number
}

/** Names what alerts are raised for once. */
export interface RaisedFor {
  readonly key: string
  /** Once in each window of event time of this length; undefined: once for good. */
  readonly windowMs?: number
}

/** A stream ready to run, with the author's types erased. Made by `defineStream` only. */
export interface Stream {
  readonly name: string
  readonly title: string
  readonly description: string
  readonly format: string
  readonly framing: Framing
  /** The schema's fields, then the enriched ones. */
  readonly columns: readonly Column[]
  readonly partitions: number
  readonly views: Readonly<Record<string, ViewDefinition>>
  readonly patterns: Readonly<Record<string, PatternDefinition>>
  readonly detector: DetectorDefinition | undefined
  /** Of a stream without a detector: what scores its records. */
  readonly scorer: Scorer | undefined
  /** Never throws. `reason` quotes field names and expectations, never the record's own text. */
  parse(bytes: Buffer): Parsed
  timeOf(value: Value, appendTimeMs: number): number | undefined
  keyOf(value: Value): string | undefined
  readonly hasKey: boolean
  /** Reference tables that `enrich` looks things up in, by name. */
  readonly tables: TableDefinitions
  /** What `enrich` looks up in views, by name. `checkHistories` has checked it where the stream is listed. */
  readonly history: HistoryDefinitions<Value>
  /** Fields that `enrich` adds. */
  readonly enrichedFields: ReadonlySet<string>
  /**
   * The value with the enriched fields added; without `history` as of a record that finds nothing. Throws an EnrichError, or
   * whatever the author's code throws.
   */
  enrich(value: Value, tables?: LoadedTables, history?: History): Value
  dropRule(value: Value): string | undefined
  alertTitle(value: Value): string
  alertGroup(value: Value, severity: Severity): string
  /** What the record is raised for once; undefined: for itself. */
  alertOnce(value: Value): RaisedFor | undefined
  readonly hasAlertOnce: boolean
  readonly alertWindowMs: number
}

export type Parsed =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly stage: 'parse' | 'validate'; readonly reason: string }
  /** Bytes that are no record, and why. */
  | { readonly ok: false; readonly stage: 'skip'; readonly reason: string }

/** Every stream has this view besides its own: all entries by outcome. It is what the ledger adds up. */
export const RECORDS_VIEW: ViewDefinition = {
  title: 'All records by outcome',
  groupBy: ['@outcome'],
  slotMs: 300_000,
  aggregates: { count: { kind: 'count' } },
}

const NO_FIELDS = z.object({})

/** Checks a declaration and compiles it. Throws an Error that names the stream and the setting that is wrong. */
export function defineStream<
  S extends z.ZodObject,
  A extends z.ZodObject = typeof NO_FIELDS,
  T extends TableDefinitions = TableDefinitions,
  const H extends HistoryDefinitions<z.output<S>> = HistoryDefinitions<z.output<S>>,
>(declared: StreamDeclaration<S, A, T, H>): Stream {
  check(declared)
  const own = columnsOf(declared.schema)
  const added = declared.enrich === undefined ? [] : columnsOf(declared.enrich.schema)
  const clash = added.find((column) => own.some(({ name }) => name === column.name))
  if (clash !== undefined)
    throw new Error(`stream ${declared.name}: enrich.schema repeats the field ${clash.name}`)
  const columns = [...own, ...added]
  if (Object.hasOwn(declared.views, 'records'))
    throw new Error(`stream ${declared.name}: every stream has the view records; choose another name`)
  for (const [view, definition] of Object.entries(declared.views))
    checkView(declared.name, view, definition, columns)
  const { views, patterns = {}, key } = declared
  checkPatterns(declared.name, patterns, { views, columns, key })
  const parseFields = declared.format.compile(own)
  const quick = quickCheck(declared.schema)
  const quickAdded = declared.enrich === undefined ? undefined : quickCheck(declared.enrich.schema)
  const tables = declared.enrich?.tables ?? {}
  const none = emptyTables(tables)
  // The author's functions take the type that the schema has just checked, or will have checked, the value to be.
  const typed = (value: Value) => value as z.output<S> & z.output<A>
  return {
    name: declared.name,
    title: declared.title,
    description: declared.description,
    format: declared.format.name,
    framing: declared.format.framing ?? 'lines',
    columns,
    partitions: declared.partitions,
    views: { records: RECORDS_VIEW, ...declared.views },
    patterns,
    detector: declared.detect,
    scorer: declared.score,
    parse: (bytes) => parseAndValidate(declared.schema, quick, parseFields, bytes),
    timeOf: (value, appendTimeMs) => finite(declared.time?.(typed(value), appendTimeMs)),
    keyOf: (value) => declared.key?.(typed(value)),
    hasKey: declared.key !== undefined,
    tables,
    history: erased(declared.enrich?.history),
    enrichedFields: new Set(added.map(({ name }) => name)),
    enrich: (value, { tables: loaded, version } = none, history = NO_HISTORY) => {
      const context = { tables: loaded as TablesOf<T>, version, history: history as HistoryOf<H> }
      return enriched(declared.enrich, quickAdded, typed(value), context)
    },
    dropRule: (value) => declared.drop?.find(({ when }) => when(typed(value)))?.rule,
    alertTitle: (value) => declared.alerts?.title(typed(value)) ?? `Unusual ${declared.name} record`,
    alertGroup: (value, severity) => declared.alerts?.group(typed(value), severity) ?? declared.name,
    alertOnce: (value) => declared.alerts?.once?.(typed(value)),
    hasAlertOnce: declared.alerts?.once !== undefined,
    alertWindowMs: declared.alerts?.windowMs ?? 300_000,
  }
}

/** The author's key functions take the type that the schema has checked. */
function erased<V extends Value>(history: HistoryDefinitions<V> = {}): HistoryDefinitions<Value> {
  return history as unknown as HistoryDefinitions<Value>
}

function parseAndValidate(
  schema: z.ZodObject,
  quick: QuickCheck | undefined,
  parse: (bytes: Buffer) => unknown,
  bytes: Buffer,
): Parsed {
  let fields: unknown
  try {
    fields = parse(bytes)
  } catch (error) {
    if (error instanceof NoRecord) return { ok: false, stage: 'skip', reason: error.message }
    // Of an error that the format did not word itself only the kind is kept: its message may quote the record.
    const kind = error instanceof Error ? error.name : typeof error
    const reason = error instanceof FormatError ? error.message : `the format threw ${kind}`
    return { ok: false, stage: 'parse', reason }
  }
  if (quick !== undefined && isRecord(fields) && quick(fields)) return { ok: true, value: fields }
  const checked = schema.safeParse(fields)
  if (checked.success) return { ok: true, value: withUnknownFields(checked.data, fields) }
  return { ok: false, stage: 'validate', reason: reasonOf(checked.error) }
}

function isRecord(fields: unknown): fields is Value {
  return typeof fields === 'object' && fields !== null && !Array.isArray(fields)
}

/** The master keeps everything: a field the schema does not know stays with the record, unchecked. */
function withUnknownFields(checked: Value, fields: unknown): Value {
  if (!isRecord(fields)) return checked
  const names = Object.keys(fields)
  if (names.length <= Object.keys(checked).length) return checked
  return { ...fields, ...checked }
}

/** Fields that `enrich` added and its own schema does not allow. Names fields and expectations only. */
export class EnrichError extends Error {
  override readonly name = 'EnrichError'
}

interface Enrich<V, T, H> {
  readonly schema: z.ZodObject
  readonly add: (value: V, tables: T, version: string, history: H) => Value
}

function enriched<V extends Value, T, H>(
  enrich: Enrich<V, T, H> | undefined,
  quick: QuickCheck | undefined,
  value: V,
  { tables, version, history }: { readonly tables: T; readonly version: string; readonly history: H },
): Value {
  if (enrich === undefined) return value
  const added = enrich.add(value, tables, version, history)
  if (quick?.(added) === true) return { ...value, ...added }
  const checked = enrich.schema.safeParse(added)
  if (!checked.success) throw new EnrichError(reasonOf(checked.error))
  return { ...value, ...checked.data }
}

function reasonOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map((issue) => `${issue.path.join('.') || 'record'}: ${issue.message}`)
    .join('; ')
}

/** The end of the year 9999, ms: a later time has no ISO text of four digits, and a far later one is no whole number. */
const TIME_END_MS = 253_402_300_800_000

function finite(timeMs: number | undefined): number | undefined {
  return timeMs !== undefined && timeMs >= 0 && timeMs < TIME_END_MS ? Math.floor(timeMs) : undefined
}

function check({ name, partitions }: { readonly name: string; readonly partitions: number }): void {
  if (!/^[a-z][a-z0-9-]{0,39}$/.test(name))
    throw new Error(
      `stream ${JSON.stringify(name)}: a name is a lower case letter, then letters, digits, dashes`,
    )
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new Error(`stream ${name}: partitions must be a whole number from 1 up, got ${partitions}`)
}
