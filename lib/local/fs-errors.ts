import { PortError, type PortErrorCode } from '../ports/errors.ts'

const PORT_ERRORS: Readonly<Record<string, readonly [PortErrorCode, curable: boolean]>> = {
  EACCES: ['DENIED', false],
  EPERM: ['DENIED', false],
  EROFS: ['DENIED', false],
  ENOSPC: ['UNAVAILABLE', true],
  EDQUOT: ['UNAVAILABLE', true],
  EIO: ['UNAVAILABLE', true],
  EMFILE: ['UNAVAILABLE', true],
  ENFILE: ['UNAVAILABLE', true],
  EBUSY: ['UNAVAILABLE', true],
}

/** What to throw for a file system's error. Errors of other kinds come back as they are. */
export function portErrorOfFs(error: unknown): unknown {
  const known = PORT_ERRORS[fsCode(error) ?? '']
  if (known === undefined || !(error instanceof Error)) return error
  return new PortError(known[0], error.message, { curable: known[1], cause: error })
}

/** ENOENT and the like. */
export function fsCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** True for what looking at a path throws where it leads to no file. */
export function isNotThere(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(fsCode(error) ?? '')
}
