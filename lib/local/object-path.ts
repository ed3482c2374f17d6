import { PortError } from '../ports/errors.ts'

/**
 * Where an object lies in a folder. Keys keep their names, so that people and other tools find the files, but for what a
 * file system does not take: `*` becomes `%2A`, and a segment that is too long for a file name goes on in a folder whose
 * name ends with `%`. No key holds a `%`, so no two keys share a path, and the folder `%` is the store's own.
 */
export const OWN_FOLDER = '%'
const KEY = /^[A-Za-z0-9!_.*'()=/-]{1,900}$/
const SEGMENT_CHARS_MAX = 180
const CONTINUED = '%'

/** Throws BAD_KEY for what the contract of `ObjectStore` does not allow. */
export function checkObjectKey(key: string): void {
  if (KEY.test(key) && key.split('/').every(isSegment)) return
  const expected = "1 to 900 of [A-Za-z0-9!_.*'()=/-], no empty, . or .. segment"
  throw new PortError(
    'BAD_KEY',
    `not an object key: ${JSON.stringify(key.slice(0, 200))}; expected ${expected}`,
    {
      curable: false,
    },
  )
}

function isSegment(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..'
}

/** The path of a checked key, relative to the store's folder, with `/`. */
export function objectPath(key: string): string {
  return key.split('/').map(segmentPath).join('/')
}

/** True where keys may start with `prefix`, so that looking for them cannot lead out of the folder. */
export function isKeyPrefix(prefix: string): boolean {
  return prefix === '' || (KEY.test(prefix) && prefix.split('/').slice(0, -1).every(isSegment))
}

function segmentPath(segment: string): string {
  const parts: string[] = []
  for (let at = 0; at < segment.length; at += SEGMENT_CHARS_MAX)
    parts.push(segment.slice(at, at + SEGMENT_CHARS_MAX))
  return parts.map((part) => part.replaceAll('*', '%2A')).join(`${CONTINUED}/`)
}

/** What a file or folder in the store's folder adds to a key. */
export function keyPart(name: string, isFolder: boolean): string {
  const continued = isFolder && name.endsWith(CONTINUED)
  const plain = (continued ? name.slice(0, -1) : name).replaceAll('%2A', '*')
  return isFolder && !continued ? `${plain}/` : plain
}
