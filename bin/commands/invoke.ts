import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import { FUNCTIONS, functionNames } from '../../lib/infra/functions.ts'
import { type InvokeAnswer, invokeFunction } from '../../lib/local/invoke.ts'
import { invocationText } from '../../lib/local/invoke-text.ts'
import { parseTopic } from '../../lib/stream/topic.ts'
import { streamNamed, streams } from '../../streams/index.ts'
import { CommandError, print, UsageError } from '../command.ts'

interface Options {
  readonly event: string
  readonly stream?: string
  readonly data?: string
  readonly json?: boolean
  readonly timeout: number
}

const SITE = 'local'

const MORE = `
Examples:
  $ weir invoke score --event events/score.json
  $ weir invoke count --event events/count.json --json
  A folder that is kept lets one invocation see what another did:
  $ weir invoke notify --event events/notify.json --data /tmp/w
  $ weir invoke socket --event events/socket-subscribe.json --data /tmp/w`

export function register(program: Command): void {
  program
    .command('invoke <function>')
    .description(
      'Run a function of functions/ on one event, and print what it answered, produced, stored and pushed.',
    )
    .requiredOption('--event <file>', 'event as JSON; there is one for every function in events/')
    .option('--stream <name>', 'stream of a Kafka function (default: the one its event names)')
    .option('--data <dir>', 'data folder to work on (default: a new one, removed afterwards)')
    .option('--timeout <seconds>', 'time the function has', seconds, 60)
    .option('--json', 'print one JSON document on stdout')
    .addHelpText('after', MORE)
    .action(run)
}

async function run(name: string, options: Options): Promise<void> {
  if (!functionNames().includes(name))
    throw new UsageError(
      `there is no function ${JSON.stringify(name)}; there are: ${functionNames().join(', ')}`,
    )
  const event = await readEvent(options.event)
  const stream = streamOf(options.stream, event)
  const invocation = await withData(options.data, (dataDir) =>
    invokeFunction({
      functionName: name,
      file: join(FUNCTIONS, name, 'index.ts'),
      event,
      stream,
      topics: [...streams.values()].map(({ name: of, partitions }) => ({ stream: of, partitions })),
      dataDir,
      site: SITE,
      timeoutMs: options.timeout * 1000,
    }),
  ).catch((error: unknown) => {
    throw new CommandError(error instanceof Error ? error.message : String(error))
  })
  const report = document(name, options.event, stream, invocation)
  print({ ...options, data: options.data ?? '' }, report, () => invocationText(invocation))
  if (invocation.error !== undefined && isUnplanned(name, invocation.error))
    throw new CommandError(unplanned(name, invocation.error.message, options.data))
  if (invocation.error !== undefined)
    throw new CommandError(`functions/${name} threw ${invocation.error.stack || invocation.error.message}`)
}

/** These do the tasks of a run that `plan` began. */
const OF_A_RUN: ReadonlySet<string> = new Set(['recompute', 'merge', 'publish', 'expire'])

function isUnplanned(name: string, error: { readonly name: string; readonly message: string }): boolean {
  if (!OF_A_RUN.has(name)) return false
  return error.name === 'RunLostError' || error.message.endsWith('is gone: start a new run')
}

function unplanned(name: string, message: string, data = 'DIR'): string {
  const shard = name === 'recompute' ? ', put a shard of its answer into the event' : ''
  return (
    `functions/${name}: ${message}\nIt works on a run that plan began in the same data folder: first weir invoke plan ` +
    `--event events/plan.json --data ${data}${shard}, then this with --data ${data}`
  )
}

function document(name: string, event: string, stream: string | undefined, invocation: InvokeAnswer): object {
  const { recording, ...outcome } = invocation
  const { produced, items, objects, pushed, figures } = recording
  return { function: name, event, stream, ...outcome, produced, stored: { items, objects }, pushed, figures }
}

async function readEvent(file: string): Promise<unknown> {
  if (!existsSync(file)) throw new UsageError(`there is no file ${file}; events/ has one for every function`)
  const text = await readFile(file, 'utf8')
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${file} is not JSON${placeOf(error)}`)
  }
}

/** Where the parser stopped. The rest of its message quotes the text, which may hold records. */
function placeOf(error: unknown): string {
  const place = /at position \d+( \(line \d+ column \d+\))?/.exec(error instanceof Error ? error.message : '')
  return place === null ? '' : `: look ${place[0]}`
}

/** The stream asked for, else the one whose topic the event delivers, else none. */
function streamOf(asked: string | undefined, event: unknown): string | undefined {
  const name = asked ?? streamInEvent(event)
  if (name === undefined) return undefined
  try {
    return streamNamed(name).name
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function streamInEvent(event: unknown): string | undefined {
  if (typeof event !== 'object' || event === null || !('records' in event)) return undefined
  const [partition] = Object.keys(event.records ?? {})
  if (partition === undefined) return undefined
  try {
    return parseTopic(partition.replace(/-\d+$/, '')).stream
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

async function withData<T>(dir: string | undefined, action: (dir: string) => Promise<T>): Promise<T> {
  if (dir !== undefined) return action(dir)
  const own = await mkdtemp(join(tmpdir(), 'weir-invoke-'))
  try {
    return await action(own)
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new InvalidArgumentError('a number of seconds above 0 is expected')
  return value
}
