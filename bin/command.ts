import type { Command } from 'commander'

/** Options that every command takes. */
export interface CommonOptions {
  /** Local data folder. */
  readonly data: string
  /** One JSON document on stdout instead of text for people. */
  readonly json?: boolean
}

/** Wrong usage: exit code 2, the message as it is, no stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** A failure the user can act on: exit code 1, the message as it is, no stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** Adds the options every command takes. */
export function withCommonOptions(command: Command): Command {
  return command
    .option('--data <dir>', 'local data folder', '.weir')
    .option('--json', 'print one JSON document on stdout')
}

/** Prints an answer on stdout: one JSON document, or text for people. */
export function print(options: CommonOptions, document: unknown, text: () => string): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(document) : text()}\n`)
}

/** Prints a message on stderr. */
export function say(message: string): void {
  process.stderr.write(`${message}\n`)
}
