/** A place in a stream's alert log: the next alert to read is number `index` of page `page`. */
export interface AlertPosition {
  readonly page: number
  readonly index: number
}

/** Before the first alert there ever was. */
export const LOG_START: AlertPosition = { page: 0, index: 0 }

/** The cursor of a position: opaque to clients. */
export function writeCursor({ page, index }: AlertPosition): string {
  return `${page}.${index}`
}

/** The position of a cursor; "0" and "start" are the log's start. Undefined for anything else. */
export function readCursor(text: string): AlertPosition | undefined {
  if (text === '0' || text === 'start') return LOG_START
  const match = /^(\d{1,15})\.(\d{1,9})$/.exec(text)
  return match === null ? undefined : { page: Number(match[1]), index: Number(match[2]) }
}

/** Negative where `a` lies before `b`, positive where behind it, 0 where they are the same. */
export function comparePositions(a: AlertPosition, b: AlertPosition): number {
  return a.page - b.page || a.index - b.index
}
