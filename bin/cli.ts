import { Command, CommanderError } from 'commander'
import { CommandError, UsageError } from './command.ts'
import * as alerts from './commands/alerts.ts'
import * as collect from './commands/collect.ts'
import * as compact from './commands/compact.ts'
import * as cost from './commands/cost.ts'
import * as deadLetters from './commands/dead-letters.ts'
import * as dev from './commands/dev.ts'
import * as evaluate from './commands/evaluate.ts'
import * as invoke from './commands/invoke.ts'
import * as lost from './commands/lost.ts'
import * as models from './commands/models.ts'
import * as query from './commands/query.ts'
import * as recompute from './commands/recompute.ts'
import * as reference from './commands/reference.ts'
import * as replay from './commands/replay.ts'
import * as retract from './commands/retract.ts'
import * as sql from './commands/sql.ts'
import * as status from './commands/status.ts'
import * as subscribe from './commands/subscribe.ts'
import * as templates from './commands/templates.ts'
import * as top from './commands/top.ts'
import * as train from './commands/train.ts'
import * as trends from './commands/trends.ts'
import * as verify from './commands/verify.ts'
import { addExamples } from './examples.ts'

const COMMANDS = [
  dev,
  replay,
  recompute,
  collect,
  query,
  top,
  trends,
  sql,
  alerts,
  subscribe,
  status,
  verify,
  deadLetters,
  train,
  templates,
  evaluate,
  models,
  reference,
  invoke,
  cost,
  lost,
  retract,
  compact,
]

const program = new Command('weir')
  .description('Exact streaming views, explained alerts and a master that keeps everything, on this machine.')
  .version('0.1.0')
  .showHelpAfterError('(add --help for what it takes)')
  // Options behind a command are that command's, also where the one above it has options of the same name.
  .enablePositionalOptions()
  .exitOverride()

for (const { register } of COMMANDS) register(program)
addExamples(program)

/** 0 done, 1 failed, 2 wrong usage. */
async function main(): Promise<number> {
  try {
    await program.parseAsync()
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    if (error instanceof UsageError) return complain(error.message, 2)
    if (error instanceof CommandError) return complain(error.message, 1)
    if (isPortError(error)) return complain(`${error.message} (${error.code})`, 1)
    if (isSystemError(error)) return complain(error.message, 1)
    throw error
  }
}

function complain(message: string, code: number): number {
  process.stderr.write(`weir: ${message}\n`)
  return code
}

function isPortError(error: unknown): error is Error & { readonly code: string } {
  return error instanceof Error && error.name === 'PortError' && 'code' in error
}

/** What the operating system refused: a full disk, a folder that may not be written. The message has the path. */
function isSystemError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error
}

// Like any filter, `weir ... | head` ends quietly when its reader does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

process.exitCode = await main()
