import { viewNamed } from '../lib/serve/query.ts'
import { streams } from '../streams/index.ts'
import { UsageError } from './command.ts'

/** The view named `stream.view`; a UsageError says which there are. */
export function namedView(id: string) {
  try {
    return viewNamed(streams, id)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** What an answer with a `since` says to people. */
export function notBefore(viewId: string, since: string): string {
  return `Not all is counted here: ${viewId} is newer than some records, up to the next recompute. All that were appended from ${since} on are in it.`
}

/** An aggregate's answer as a cell of a table. */
export function shown(answer: unknown): unknown {
  return typeof answer === 'object' && answer !== null ? JSON.stringify(answer) : answer
}
