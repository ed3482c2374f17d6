import type { Command } from 'commander'
import { type ServerEnv, type Servers, serverEnv } from '../lib/local/servers.ts'

/** Options that every command takes. */
export interface CommonOptions extends Servers {
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
    .option('--brokers <host:port,...>', 'Kafka in place of the local log (WEIR_BROKERS)')
    .option('--dynamodb <url>', 'DynamoDB in place of SQLite (WEIR_DYNAMODB_ENDPOINT, WEIR_TABLE)')
    .option('--s3 <url>', 'S3 in place of a folder (WEIR_S3_ENDPOINT, WEIR_BUCKET)')
    .option('--json', 'print one JSON document on stdout')
}

/** The servers that a command works on, from its options and the environment; empty where all is embedded. */
export function serversOf(options: Servers): ServerEnv {
  return serverEnv(options, process.env)
}

/** Prints an answer on stdout: one JSON document, or text for people. */
export function print(options: CommonOptions, document: unknown, text: () => string): void {
  process.stdout.write(`${options.json === true ? JSON.stringify(document) : text()}\n`)
}

/** Prints a message on stderr. */
export function say(message: string): void {
  process.stderr.write(`${message}\n`)
}
