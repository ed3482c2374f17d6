import { parquetSchemaOf } from '../../formats/parquet-schema.ts'
import type { RetractedStretch } from '../../state/retractions.ts'
import type { Stream } from '../../stream/define.ts'

/** What a stream's view is made of. */
export interface ViewParts {
  readonly stream: Pick<Stream, 'name' | 'columns'>
  /** Parquet files on this machine: those the manifests list. */
  readonly paths: readonly string[]
  /** Stretches whose rows are left out. */
  readonly retracted: readonly RetractedStretch[]
}

const TYPE_OF: Readonly<Record<string, string>> = {
  BYTE_ARRAY: 'BLOB',
  INT32: 'INTEGER',
  INT64: 'BIGINT',
  DOUBLE: 'DOUBLE',
  BOOLEAN: 'BOOLEAN',
}
/** Columns of the envelope that hold JSON text. */
const JSON_COLUMNS = ['weir_reasons', 'weir_raw_pointer', 'weir_extra']

/**
 * SQL that makes the view of a stream: the envelope's columns and the stream's fields, typed, whatever releases wrote the
 * files, and there even where no file is. JSON columns are of type JSON.
 */
export function createView({ stream, paths, retracted }: ViewParts): string {
  const name = identifier(stream.name)
  const jsons = [...JSON_COLUMNS, ...stream.columns.filter(({ kind }) => kind === 'json').map((c) => c.name)]
  const typed = jsons.map((json) => `TRY_CAST(${identifier(json)} AS JSON) AS ${identifier(json)}`)
  const rows = paths.length === 0 ? '' : ` UNION ALL BY NAME SELECT * FROM ${scanOf(paths)}`
  const facts = retracted.map((stretch) => ` AND NOT ${isIn(stretch)}`).join('')
  return `CREATE VIEW ${name} AS SELECT * REPLACE (${typed.join(', ')}) FROM (${noRows(stream)}${rows}) WHERE true${facts}`
}

/** The columns that the stream declares today, of no row: files of older releases may lack some of them. */
function noRows({ columns }: Pick<Stream, 'columns'>): string {
  const [, ...elements] = parquetSchemaOf(columns)
  const cells = elements.map(({ name, type = '', converted_type }) => {
    const typed =
      converted_type === 'UTF8'
        ? 'VARCHAR'
        : converted_type === 'TIMESTAMP_MILLIS'
          ? 'TIMESTAMPTZ'
          : TYPE_OF[type]
    return `NULL::${typed} AS ${identifier(name)}`
  })
  return `SELECT ${cells.join(', ')} WHERE false`
}

function scanOf(paths: readonly string[]): string {
  // The folders of the master are named like Hive's, and their columns are no part of a record.
  return `read_parquet([${paths.map(literal).join(', ')}], union_by_name = true, hive_partitioning = false)`
}

function isIn({ topic, partition, from, to }: RetractedStretch): string {
  return `(weir_topic = ${literal(topic)} AND weir_partition = ${partition} AND weir_offset >= ${from} AND weir_offset < ${to})`
}

function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}
