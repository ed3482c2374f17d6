import type { Column, ColumnKind } from '../stream/columns.ts'
import { type Format, FormatError, NoRecord, type Parse } from '../stream/format.ts'
import { scanNumber, scanned, strictNumber } from './number.ts'
import { type RowBuilder, rowBuilder, sparseRow } from './row-builder.ts'
import { StringCache } from './string-cache.ts'
import { requireUtf8, textStart } from './utf8.ts'

/**
 * Comma-separated values, quoted as RFC 4180 has it (https://www.rfc-editor.org/rfc/rfc4180), line ends in quotes too. The
 * columns are those of the stream's schema, in their order, or those of `header`.
 *
 * - The number of fields is exact, but optional columns at the end may be missing.
 * - An empty field of an optional column is absent; `""` is the empty string. Spaces are part of a field.
 * - Numbers are decimal, booleans `true`, `false`, `1`, `0`, arrays and objects JSON text.
 * - A quote inside an unquoted field stands for itself, as in most programs that write CSV.
 */
export function csv(options: CsvOptions = {}): Format {
  const { header, fields = {} } = options
  if (header === undefined) return { name: 'csv', framing: 'csv', compile: compileCsv }
  return {
    name: 'csv',
    framing: 'csv',
    compile(columns) {
      const parse = compileCsv(header.map((name) => fileColumn(fields[name] ?? name, columns)))
      const isHeader = headerTest(header)
      return (bytes) => {
        if (isHeader(bytes)) throw new NoRecord('header line')
        return parse(bytes)
      }
    },
  }
}

export interface CsvOptions {
  /** The columns as the files' header line names them, in its order. A record that says just this is no record. */
  readonly header?: readonly string[]
  /** The field a column is, where it has another name. */
  readonly fields?: Readonly<Record<string, string>>
}

/** A column that the schema does not know is kept as text, and may be empty. */
function fileColumn(name: string, columns: readonly Column[]): Column {
  return columns.find((column) => column.name === name) ?? { name, kind: 'string', optional: true }
}

function headerTest(header: readonly string[]): (bytes: Buffer) => boolean {
  const plain = Buffer.from(header.join(','))
  const quoted = Buffer.from(header.map((name) => `"${name}"`).join(','))
  return (bytes) => {
    const text = bytes.subarray(textStart(bytes), recordEnd(bytes))
    return text.equals(plain) || text.equals(quoted)
  }
}

const COMMA = 0x2c
const QUOTE = 0x22
const CR = 0x0d
const LF = 0x0a

/** Hot path: one pass over the bytes, nothing allocated but the row and its strings. */
function compileCsv(columns: readonly Column[]): Parse {
  const rows = new Rows(columns)
  const numeric = columns.map(({ kind }) => kind === 'number' || kind === 'integer')
  const whole = columns.map(({ kind }) => kind === 'integer')
  const text = columns.map(({ kind }) => kind === 'string')
  const caches = columns.map(() => new StringCache())
  const { values } = rows

  return (bytes) => {
    requireUtf8(bytes)
    const end = recordEnd(bytes)
    let at = textStart(bytes)
    for (let i = 0; i < columns.length; i++) {
      const first = at < end ? bytes[at] : COMMA
      if (numeric[i] === true) {
        const value = scanNumber(bytes, at, end)
        const stop = scanned.at
        // Not a number, not the whole field or not whole: the slow path decides, and words the error.
        if (value >= 0 && (stop === end || bytes[stop] === COMMA) && (whole[i] !== true || value % 1 === 0)) {
          values[i] = value
          at = stop
        } else at = rows.slowField(bytes, i, at, end)
      } else if (text[i] === true && first !== QUOTE && first !== COMMA) {
        const start = at
        while (at < end && bytes[at] !== COMMA) at++
        values[i] = (caches[i] as StringCache).get(bytes, start, at)
      } else at = rows.slowField(bytes, i, at, end)
      if (at >= end) return rows.build(bytes, i + 1)
      at++
    }
    throw rows.wrongCount(bytes)
  }
}

/** The values of the row at hand, and everything that is not the common case. */
class Rows {
  readonly values: unknown[]
  readonly #columns: readonly Column[]
  readonly #names: readonly string[]
  /** Fields a record has at least: all but the optional ones at the end. */
  readonly #fieldsMin: number
  readonly #builders: (RowBuilder | undefined)[] = []
  #absent = false

  constructor(columns: readonly Column[]) {
    this.#columns = columns
    this.#names = columns.map(({ name }) => name)
    this.#fieldsMin = columns.findLastIndex(({ optional }) => !optional) + 1
    this.values = new Array<unknown>(columns.length).fill(undefined)
  }

  build(bytes: Buffer, fields: number): Record<string, unknown> {
    if (fields < this.#fieldsMin) throw this.wrongCount(bytes)
    if (this.#absent) {
      this.#absent = false
      return sparseRow(this.#names.slice(0, fields), this.values)
    }
    this.#builders[fields] ??= rowBuilder(this.#names.slice(0, fields))
    return (this.#builders[fields] as RowBuilder)(this.values)
  }

  /** Reads the field of column `i` at `at`, whatever it is. Where it stops: at a comma or at `end`. */
  slowField(bytes: Buffer, i: number, at: number, end: number): number {
    const { name, kind, optional } = this.#columns[i] as Column
    const quoted = at < end && bytes[at] === QUOTE
    const stop = fieldEnd(bytes, at, end)
    if (stop < 0) throw this.#bad(bytes, `column ${name}: a quote is not closed, or text follows it`)
    if (stop === at && optional) {
      this.values[i] = undefined
      this.#absent = true
      return stop
    }
    const raw = quoted ? bytes.toString('utf8', at + 1, stop - 1) : bytes.toString('utf8', at, stop)
    const value = convert(kind, quoted ? raw.replaceAll('""', '"') : raw)
    if (value === undefined)
      throw this.#bad(bytes, `column ${name}: expected ${EXPECTED[kind]}, found ${describe(raw)}`)
    this.values[i] = value
    return stop
  }

  /** A field too many or too few shifts the columns, so that is the better thing to say. */
  #bad(bytes: Buffer, message: string): FormatError {
    this.#absent = false
    const fields = countFields(bytes)
    const rightCount = fields === undefined || (fields >= this.#fieldsMin && fields <= this.#columns.length)
    return rightCount ? new FormatError(message) : this.wrongCount(bytes)
  }

  wrongCount(bytes: Buffer): FormatError {
    this.#absent = false
    const most = this.#columns.length
    const expected = this.#fieldsMin === most ? `${most}` : `${this.#fieldsMin} to ${most}`
    return new FormatError(
      `expected ${expected} comma-separated fields, found ${countFields(bytes) ?? 'an open quote'}`,
    )
  }
}

const EXPECTED: Readonly<Record<ColumnKind, string>> = {
  string: 'text',
  number: 'a decimal number',
  integer: `a whole number up to ${Number.MAX_SAFE_INTEGER}`,
  boolean: 'true, false, 1 or 0',
  json: 'JSON text',
}

/** The value of a field's text, `undefined` where it is none of the kind. */
function convert(kind: ColumnKind, text: string): unknown {
  switch (kind) {
    case 'string':
      return text
    case 'number':
      return definedNumber(strictNumber(text))
    case 'integer': {
      const value = strictNumber(text)
      return Number.isSafeInteger(value) ? value : undefined
    }
    case 'boolean':
      return text === 'true' || text === '1' ? true : text === 'false' || text === '0' ? false : undefined
    case 'json':
      try {
        return JSON.parse(text) as unknown
      } catch {
        return undefined
      }
  }
}

function definedNumber(value: number): number | undefined {
  return Number.isNaN(value) ? undefined : value
}

/** What was found, without quoting it: a record's text belongs in the master, not in messages. */
function describe(text: string): string {
  return text === '' ? 'an empty field' : `${text.length} characters that are not`
}

/** The end of the record's text: before a line end that came with it. */
function recordEnd(bytes: Buffer): number {
  let end = bytes.length
  if (end > 0 && bytes[end - 1] === LF) end--
  if (end > 0 && bytes[end - 1] === CR) end--
  return end
}

/** Where the field that starts at `at` stops, at a comma or at `end`; -1 where its quotes are wrong. */
function fieldEnd(bytes: Buffer, at: number, end: number): number {
  if (at >= end || bytes[at] !== QUOTE) {
    while (at < end && bytes[at] !== COMMA) at++
    return at
  }
  for (at++; at < end; at++) {
    if (bytes[at] !== QUOTE) continue
    at++
    if (at < end && bytes[at] === QUOTE) continue
    return at >= end || bytes[at] === COMMA ? at : -1
  }
  return -1
}

/** Fields of the whole record; undefined where a quote is wrong. */
function countFields(bytes: Buffer): number | undefined {
  const end = recordEnd(bytes)
  let at = textStart(bytes)
  for (let fields = 1; ; fields++) {
    at = fieldEnd(bytes, at, end)
    if (at < 0) return undefined
    if (at >= end) return fields
    at++
  }
}
