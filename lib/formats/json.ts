import { type Format, FormatError, type Parse } from '../stream/format.ts'
import { requireUtf8, textStart } from './utf8.ts'

/**
 * One JSON object a record (RFC 8259), UTF-8. Of a repeated name the last value counts, as `JSON.parse` has it. A field
 * named `__proto__` is refused: code that copies fields by assignment would change a prototype with it.
 */
export function json(): Format {
  return { name: 'json', compile: () => parseJson }
}

export const parseJson: Parse = (bytes) => {
  requireUtf8(bytes)
  const value = parseText(bytes.toString('utf8', textStart(bytes)))
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new FormatError(`expected a JSON object, found ${kindOf(value)}`)
  if (Object.hasOwn(value, '__proto__')) throw new FormatError('a field may not be named __proto__')
  return value
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
