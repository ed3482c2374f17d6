/** Errors whose messages Weir words itself: they name topics, offsets and keys of its own, never what a record holds. */
const WORDED_HERE = new Set(['PortError', 'OriginGapError', 'LogRewoundError'])

/**
 * One line for a partition (or a stream's pushes) that failed and will be tried again. Of an error that something else worded only the name is
 * logged: a JSON parser, for one, quotes what it could not parse.
 */
export function reportFailure(stage: string, partition: string, records: number, error: unknown): void {
  const name = error instanceof Error ? error.name : typeof error
  const message = error instanceof Error && WORDED_HERE.has(name) ? error.message : undefined
  console.error(JSON.stringify({ level: 'error', stage, partition, records, error: name, message }))
}
