import type { Command } from 'commander'
import { readManifest } from '../../lib/master/manifest-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { recordLost } from '../../lib/state/lost.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { CommandError, type CommonOptions, print, UsageError, withCommonOptions } from '../command.ts'
import { requireStream } from '../streams.ts'
import { withData } from '../with-ports.ts'

interface LostOptions extends CommonOptions {
  readonly yes?: boolean
}

export function register(program: Command): void {
  const command = program
    .command('lost')
    .description('Record that raw records are gone for good, so that the stages may pass the gap they leave.')
    .argument('<stream>', 'e.g. network')
    .argument('<partition>', 'of the raw topic')
    .argument('<from>', 'first lost raw offset')
    .argument('<to>', 'first raw offset that is not lost')
    .option('--yes', 'record it; without this it is only checked')
    .addHelpText(
      'after',
      '\nOnly for records that no topic holds any more. It is never taken back, and `weir verify` reports it for ever.\nRead "A gap stops a stage" in docs/operations.md first.',
    )
  withCommonOptions(command).action(run)
}

async function run(
  name: string,
  partitionText: string,
  fromText: string,
  toText: string,
  options: LostOptions,
): Promise<void> {
  const stream = requireStream(name)
  const [partition, from, to] = [partitionText, fromText, toText].map(whole) as [number, number, number]
  if (to <= from) throw new UsageError(`nothing lies in [${from}, ${to})`)
  const topic = topicName(stream.name, 'raw')
  await withData(options, async (ports) => {
    await requireAhead(ports, stream.name, topic, partition, from)
    if (options.yes !== true)
      throw new CommandError(
        `offsets [${from}, ${to}) of ${topic}-${partition} would be lost for good; say --yes to record it`,
      )
    await recordLost(ports.keyed, topic, partition, { from, to })
    print(
      options,
      { topic, partition, from, to },
      () => `recorded: ${to - from} records of ${topic}-${partition} are lost`,
    )
  })
}

/** What is in the master is not lost. */
async function requireAhead(
  ports: Ports,
  stream: string,
  topic: string,
  partition: number,
  from: number,
): Promise<void> {
  const { manifest } = await readManifest(ports.objects, stream, topic, partition)
  const { highestOrigin } = manifest.progress
  if (from <= highestOrigin)
    throw new CommandError(
      `the master holds ${topic}-${partition} up to offset ${highestOrigin}: nothing from ${from} on to there is lost`,
    )
}

function whole(text: string): number {
  const n = Number(text)
  if (/^\d+$/.test(text) && Number.isSafeInteger(n)) return n
  throw new UsageError(`expected a whole number from 0 up, got ${JSON.stringify(text)}`)
}
