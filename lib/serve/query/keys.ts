import { keyPart, SEPARATOR } from '../../views/key.ts'

/** A key of more fields than these can be cut in too many ways. */
const CANDIDATES_MAX = 256

/**
 * The keys of a view that are displayed as this text: one, but where a part may itself hold a `|`. Parts that are too long
 * for a key are cut as they were when they were counted.
 */
export function keysDisplayedAs(text: string, fields: number): ReadonlySet<string> {
  const keys = new Set<string>()
  for (const parts of splits(text.split('|'), fields)) {
    keys.add(parts.map(keyPart).join(SEPARATOR))
    // As an answer displayed it: cut already.
    keys.add(parts.join(SEPARATOR))
    if (keys.size >= CANDIDATES_MAX) break
  }
  return keys
}

/** Every way to join neighbouring pieces into `count` parts. */
function* splits(pieces: readonly string[], count: number): Generator<readonly string[]> {
  if (count === 1) {
    yield [pieces.join('|')]
    return
  }
  for (let first = 1; pieces.length - first >= count - 1; first++)
    for (const rest of splits(pieces.slice(first), count - 1))
      yield [pieces.slice(0, first).join('|'), ...rest]
}
