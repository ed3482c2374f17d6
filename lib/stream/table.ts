/**
 * A kind of reference table: what a stream looks things up in while it enriches. The file a user puts is its bytes; which
 * version is in use is kept in lib/state/reference.ts.
 */
export interface TableDefinition<T> {
  /** What files it takes, in words: "sid-msg.map of Snort". */
  readonly takes: string
  /** What is used before any file was put. */
  readonly empty: T
  /** Pure. Throws a TableError that says what is wrong and where. */
  parse(bytes: Uint8Array): T
}

export type TableDefinitions = Readonly<Record<string, TableDefinition<unknown>>>

/** The tables of these definitions, by name. */
export type TablesOf<D extends TableDefinitions> = {
  readonly [K in keyof D]: D[K] extends TableDefinition<infer T> ? T : never
}

/** Tables ready for lookups, and which they are. */
export interface LoadedTables {
  /** Names this set of versions: a record keeps it. Empty where there is none. */
  readonly version: string
  readonly tables: Readonly<Record<string, unknown>>
}

/** A file that is no table of the kind. */
export class TableError extends Error {
  override readonly name = 'TableError'
}

/** What a stream has before any table was put. */
export function emptyTables(definitions: TableDefinitions): LoadedTables {
  const tables = Object.entries(definitions).map(([name, { empty }]) => [name, empty])
  return { version: '', tables: Object.fromEntries(tables) }
}
