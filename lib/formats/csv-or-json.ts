import type { Format } from '../stream/format.ts'
import { type CsvOptions, csv } from './csv.ts'
import { type JsonOptions, jsonParse } from './json.ts'
import { textStart } from './utf8.ts'

const BRACE = 0x7b

/** JSON where the record begins with `{`, CSV otherwise: a stream whose sources send either. */
export function csvOrJson(options: CsvOptions & JsonOptions = {}): Format {
  return {
    name: 'csv-or-json',
    framing: 'csv-or-json',
    compile(columns) {
      const parseCsv = csv(options).compile(columns)
      const parseJson = jsonParse(options)
      return (bytes) => (bytes[textStart(bytes)] === BRACE ? parseJson(bytes) : parseCsv(bytes))
    },
  }
}
