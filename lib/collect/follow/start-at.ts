import { basename } from 'node:path'
import { SourceError } from '../source-error.ts'
import type { FilePlace } from './followed-file.ts'

/** Where following begins at its first start. */
export interface StartAt {
  /** Name of a file among those followed, or its path. */
  readonly file: string
  /** Byte of its content: where a record begins. */
  readonly offset: number
}

/** Where to begin in a file: at its end where its name is before that of the first, at the offset in that one; else undefined. */
export function startIn({ file, offset }: StartAt, path: string): number | 'end' | undefined {
  const name = basename(path)
  const first = basename(file)
  if (name < first) return 'end'
  return name === first ? offset : undefined
}

/** Throws a SourceError where no file has that name: a mistyped one would leave out everything before it. */
export function checkStart({ file }: StartAt, found: Iterable<Pick<FilePlace, 'path'>>): void {
  const paths = [...found].map(({ path }) => path)
  const is = (path: string) => (file.includes('/') ? path === file : basename(path) === file)
  if (paths.some(is)) return
  throw new SourceError(
    `${file}: no file to start with has that name; there are ${paths.length} files, the first is ${paths.sort()[0] ?? 'none'}`,
  )
}
