import { type TimeLayout, timeLayout } from './header-pattern-time.ts'

/**
 * How one kind of source writes the header of its lines. `pattern` begins with `^` and ends with `(?<message>.*)$`; its named
 * groups become fields: `timestamp`, `host`, `app`, `pid`, `level`, `message`, and any other one among `extra`.
 */
export interface HeaderPattern {
  readonly name: string
  readonly pattern: RegExp
  /** Of the timestamp: see `timeLayout`. */
  readonly time: string
}

/** The fields of a line, all as they stand in it. */
export interface HeaderFields {
  readonly header: string
  readonly message: string
  readonly timestamp?: string
  readonly host?: string
  readonly app?: string
  readonly pid?: string
  readonly level?: string
  readonly extra?: Readonly<Record<string, string>>
}

const NAMED: ReadonlySet<string> = new Set(['message', 'timestamp', 'host', 'app', 'pid', 'level'])

/** Patterns ready to use: the first that fits a line reads it. */
export class HeaderPatterns {
  readonly #patterns: readonly HeaderPattern[]
  readonly #layouts: ReadonlyMap<string, TimeLayout>

  /** Throws on a name that comes twice. */
  constructor(patterns: readonly HeaderPattern[]) {
    this.#patterns = patterns
    this.#layouts = new Map(patterns.map(({ name, time }) => [name, timeLayout(time)]))
    if (this.#layouts.size < patterns.length) throw new Error('two header patterns have one name')
  }

  /** Undefined where no pattern fits. */
  read(line: string): HeaderFields | undefined {
    for (const { name, pattern } of this.#patterns) {
      const groups = pattern.exec(line)?.groups
      if (groups !== undefined) return fieldsOf(name, groups)
    }
    return undefined
  }

  /** The time that a pattern's timestamp stands for, ms since 1970; see `TimeLayout.parse`. */
  timeOf(header: string, timestamp: string, nearMs: number): number | undefined {
    return this.#layouts.get(header)?.parse(timestamp, nearMs)
  }
}

function fieldsOf(header: string, groups: Readonly<Record<string, string | undefined>>): HeaderFields {
  const fields: Record<string, string> = {}
  let extra: Record<string, string> | undefined
  for (const [name, text] of Object.entries(groups)) {
    if (text === undefined) continue
    if (NAMED.has(name)) fields[name] = text
    else {
      extra ??= {}
      extra[name] = text
    }
  }
  return { header, message: '', ...fields, ...(extra !== undefined && { extra }) }
}
