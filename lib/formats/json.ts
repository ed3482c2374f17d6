import { type Format, FormatError, type Parse } from '../stream/format.ts'
import { requireUtf8, textStart } from './utf8.ts'

/**
 * One JSON object a record (RFC 8259), UTF-8. Of a repeated name the last value counts, as `JSON.parse` has it. A field
 * named `__proto__` is refused: code that copies fields by assignment would change a prototype with it.
 */
export function json(options: JsonOptions = {}): Format {
  return { name: 'json', compile: () => jsonParse(options) }
}

export interface JsonOptions {
  /**
   * Fields that are text, in records that may have them as numbers: a number becomes its text, with every digit, which an
   * id beyond 2^53 would lose on its way through a double.
   */
  readonly asText?: readonly string[]
}

export function jsonParse({ asText = [] }: JsonOptions): Parse {
  if (asText.length === 0) return parseJson
  return (bytes) => {
    const value = parseJson(bytes)
    for (const name of asText) {
      const number = value[name]
      if (typeof number !== 'number') continue
      value[name] = Number.isSafeInteger(number) ? String(number) : sourceOf(bytes, name)
    }
    return value
  }
}

/** The text of a number that is a field of the outermost object. */
function sourceOf(bytes: Buffer, name: string): string {
  const reviver = (key: string, value: unknown, context?: { readonly source?: string }) =>
    key === name && typeof value === 'number' ? context?.source : value
  const value: Record<string, unknown> = JSON.parse(bytes.toString('utf8', textStart(bytes)), reviver)
  return String(value[name])
}

export function parseJson(bytes: Buffer): Record<string, unknown> {
  requireUtf8(bytes)
  const value = parseText(bytes.toString('utf8', textStart(bytes)))
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError(`expected a JSON object, found ${kindOf(value)}`)
  if (Object.hasOwn(value, '__proto__')) throw new FormatError('a field may not be named __proto__')
  return value as Record<string, unknown>
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The engine's message may quote the record, so only the position is taken from it.
    const at = error instanceof SyntaxError ? /at position (\d+)/.exec(error.message)?.[1] : undefined
    const where = at === undefined ? '' : ` at character ${at}`
    throw new FormatError(
      `expected a JSON object, found text of ${text.length} characters that is not JSON${where}`,
    )
  }
}

function kindOf(value: unknown): string {
  if (value === null) return 'null'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}
