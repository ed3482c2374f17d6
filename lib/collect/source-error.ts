/** Something is wrong with a source, and the user can mend it. The message names the source and says what to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError'
}

/** A SourceError for what reading `source` threw. */
export function sourceError(source: string, error: unknown): SourceError {
  if (error instanceof SourceError) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const cause = { cause: error }
  if (code === 'ENOENT') return new SourceError(`${source}: there is no such file or folder`, cause)
  if (code === 'EACCES') return new SourceError(`${source}: may not be read by this user`, cause)
  return new SourceError(`${source}: ${error instanceof Error ? error.message : String(error)}`, cause)
}
