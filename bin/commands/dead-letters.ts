import type { Command } from 'commander'
import type { Ports } from '../../lib/ports/ports.ts'
import {
  allDeadLetters,
  type DeadLetter,
  findDeadLetter,
  listDeadLetters,
} from '../../lib/serve/dead-letters.ts'
import { originalBytes } from '../../lib/serve/original-bytes.ts'
import { NotRetriableError, type Retried, retryDeadLetter, retryFence } from '../../lib/serve/retry.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { type Origin, parseRecordId } from '../../lib/stream/origin.ts'
import { parseTopic } from '../../lib/stream/topic.ts'
import { streams } from '../../streams/index.ts'
import { CommandError, type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { sayWhatTakesIn } from '../pipeline-hint.ts'
import { progressLine } from '../progress.ts'
import { requireStream } from '../streams.ts'
import { table } from '../table.ts'
import { withData } from '../with-ports.ts'

export function register(program: Command): void {
  const command = program
    .command('dead-letters')
    .description(
      'Records that could not be read, checked or processed: list them, look at them, put them in again.',
    )
  withCommonOptions(
    command
      .command('list')
      .description('The newest dead letters, from the master.')
      .argument('[stream]', 'only this stream')
      .option('--limit <n>', 'at most so many of a stream', '100'),
  ).action(list)
  withCommonOptions(
    command
      .command('show')
      .description('The original bytes of a dead letter, to standard output as they came.')
      .argument('<stream-or-id>', 'the id, or its stream before it')
      .argument('[id]', 'as `list` shows it'),
  ).action(show)
  withCommonOptions(
    command
      .command('retry')
      .description('Put the original bytes of a dead letter in again, once, however often this is called.')
      .argument('<stream-or-id>', 'the id, or its stream before it')
      .argument('[id]', 'as `list` shows it')
      .option('--all', 'every dead letter of the stream that has not been put in again'),
  ).action(retry)
}

interface ListOptions extends CommonOptions {
  readonly limit: string
}

async function list(name: string | undefined, options: ListOptions): Promise<void> {
  const limit = Number(options.limit)
  if (!Number.isInteger(limit) || limit < 1)
    throw new UsageError(`--limit takes a whole number from 1 up, got ${JSON.stringify(options.limit)}`)
  const chosen = name === undefined ? [...streams.values()] : [requireStream(name)]
  await withData(options, async (ports) => {
    const deadLetters: DeadLetter[] = []
    for (const stream of chosen) deadLetters.push(...(await listDeadLetters(ports, stream, { limit })))
    print(options, { deadLetters }, () =>
      deadLetters.length === 0 ? 'No dead letters.' : listed(deadLetters),
    )
  })
}

function listed(letters: readonly DeadLetter[]): string {
  const rows = letters.map(({ id, appendTimeMs, stage, sizeBytes, retried, reason }) => {
    const again = retried === undefined ? '' : (retried.id ?? 'begun')
    return [id, new Date(appendTimeMs).toISOString(), stage, sizeBytes, again, reason]
  })
  return table(['id', 'time', 'stage', 'bytes', 'put in again as', 'reason'], rows)
}

async function show(first: string, second: string | undefined, options: CommonOptions): Promise<void> {
  const { stream, id } = named(first, second)
  await withData(options, async (ports) => {
    const { letter, entry } = await explained(() => findDeadLetter(ports, stream, id))
    if (options.json === true) {
      print(options, { ...letter, ...(typeof entry.raw === 'string' ? { raw: entry.raw } : {}) }, () => '')
      return
    }
    let last: number | undefined
    for await (const piece of originalBytes(ports.objects, entry)) {
      await written(piece)
      last = piece.at(-1) ?? last
    }
    // In a file or a pipe they are the bytes and nothing else.
    if (process.stdout.isTTY && last !== LINE_FEED) await written(Buffer.of(LINE_FEED))
  })
}

const LINE_FEED = 10

/** Resolves once stdout has taken the bytes, so that a record of any size goes through little memory. */
function written(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}

interface RetryOptions extends CommonOptions {
  readonly all?: boolean
}

async function retry(first: string, second: string | undefined, options: RetryOptions): Promise<void> {
  if (options.all === true && second !== undefined) throw new UsageError('give an id or --all, not both')
  await withData(options, async (ports) => {
    const retried =
      options.all === true
        ? await retryAll(ports, requireStream(first))
        : [await retryOne(ports, named(first, second))]
    print(options, { retried }, () =>
      retried.length === 0
        ? 'Nothing to put in again.'
        : retried.map(({ id, newId, now }) => `${id} ${now ? 'is now' : 'was before'} ${newId}`).join('\n'),
    )
    if (retried.some(({ now }) => now)) await sayWhatTakesIn(options)
  })
}

async function retryOne(ports: Ports, { stream, id }: { stream: Stream; id: string }): Promise<Retried> {
  const { entry } = await explained(() => findDeadLetter(ports, stream, id))
  return explained(() => retryDeadLetter(ports, stream, entry))
}

async function retryAll(ports: Ports, stream: Stream): Promise<readonly Retried[]> {
  const progress = progressLine()
  const fence = retryFence(ports, stream)
  const retried: Retried[] = []
  for await (const { letter, entry } of allDeadLetters(ports, stream)) {
    if (letter.retried?.id !== undefined) continue
    try {
      retried.push(await retryDeadLetter(ports, stream, entry, fence))
    } catch (error) {
      if (!(error instanceof NotRetriableError)) throw error
      say(error.message)
    }
    progress.update({ done: retried.length, text: `${retried.length} dead letters put in again` })
  }
  progress.clear()
  return retried
}

function named(first: string, second: string | undefined): { readonly stream: Stream; readonly id: string } {
  const id = second ?? first
  const stream = requireStream(streamOf(id))
  if (second !== undefined && first !== stream.name)
    throw new UsageError(`${id} is a record of ${stream.name}, not of ${first}`)
  return { stream, id }
}

function streamOf(id: string): string {
  try {
    const { topic }: Origin = parseRecordId(id)
    return parseTopic(topic).stream
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

/** An id that names no dead letter, or one that cannot go in again, is the caller's to mend: no stack. */
async function explained<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act()
  } catch (error) {
    if (error instanceof NotRetriableError || (error instanceof Error && error.name === 'Error'))
      throw new CommandError(error.message)
    throw error
  }
}
