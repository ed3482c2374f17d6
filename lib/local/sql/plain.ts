/**
 * A value of DuckDB's JavaScript form as JSON has it: times as ISO 8601, integers as numbers where a number holds them and
 * as decimal text where not, bytes as base64, and NaN or infinity as text.
 */
export function plainValue(value: unknown): unknown {
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value.toString()
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (value instanceof Uint8Array)
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64')
  if (Array.isArray(value)) return value.map(plainValue)
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plainValue(one)]))
}

/** A cell of a column of this type. A date has no time of day; JSON is given as what it says. */
export function plainCell(value: unknown, type: string): unknown {
  if (value instanceof Date && type === 'DATE') return value.toISOString().slice(0, 10)
  if (typeof value === 'string' && type === 'JSON') return parsed(value)
  return plainValue(value)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
