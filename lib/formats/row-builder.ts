/** Makes an object of the first `names.length` of `values`, which are in the order of the names. */
export type RowBuilder = (values: readonly unknown[]) => Record<string, unknown>

/**
 * A builder for rows whose fields are all there. It is generated as one object literal: V8 then knows the shape of the
 * row, and 42 fields cost some 50 ns where assigning them by name in a loop costs 700 (bench/collect/csv.ts). The text
 * holds nothing but the names of the schema, quoted as JSON.
 */
export function rowBuilder(names: readonly string[]): RowBuilder {
  if (names.includes('__proto__')) throw new Error('a field may not be named __proto__')
  const fields = names.map((name, i) => `${JSON.stringify(name)}: values[${i}]`)
  return new Function('values', `return { ${fields.join(', ')} }`) as RowBuilder
}

/** A row from the values that are there: `undefined` stands for an absent field. */
export function sparseRow(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const row: Record<string, unknown> = {}
  names.forEach((name, i) => {
    if (values[i] !== undefined) row[name] = values[i]
  })
  return row
}
