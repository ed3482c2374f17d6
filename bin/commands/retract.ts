import type { Command } from 'commander'
import { appendTimesOf } from '../../lib/master/append-times.ts'
import { readManifest } from '../../lib/master/manifest-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { type RetractionEffect, retractionEffects } from '../../lib/serve/retraction-effect.ts'
import { type Retraction, recordRetraction, withdrawRetraction } from '../../lib/state/retractions.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { CommandError, type CommonOptions, print, UsageError, withCommonOptions } from '../command.ts'
import { requireStream } from '../streams.ts'
import { table } from '../table.ts'
import { withPorts } from '../with-ports.ts'

interface RetractOptions extends CommonOptions {
  readonly topic?: string
  readonly partition?: string
  readonly from?: string
  readonly to?: string
  readonly withdraw?: string
  readonly reason?: string
}

export function register(program: Command): void {
  const command = program
    .command('retract')
    .description(
      'Leave a bad stretch of records out of every view; without --from and --to, list what is left out.',
    )
    .argument('<stream>', 'e.g. network')
    .option('--topic <name>', 'raw topic, also of an older generation (default: that of the stream)')
    .option('--partition <n>', 'of the raw topic')
    .option('--from <offset>', 'first raw offset left out')
    .option('--to <offset>', 'first raw offset after it that is not')
    .option('--withdraw <id>', 'take this retraction back')
    .option('--reason <text>', 'why; recorded with it')
    .addHelpText(
      'after',
      '\nNothing is edited or deleted: the master keeps the records, and only what is recorded here says that views leave\nthem out. It takes effect with the next recompute planned after it whose horizon lies above the records; until then\nviews still hold them. Alerts that they raised stay. Offsets of records are in `weir sql` (weir_partition,\nweir_offset).',
    )
  withCommonOptions(command).action(run)
}

async function run(name: string, options: RetractOptions): Promise<void> {
  const stream = requireStream(name).name
  const { partition, from, to, withdraw: id } = options
  const listing = [partition, from, to, id].every((one) => one === undefined)
  // Before anything is opened: wrong usage leaves no folder behind.
  if (!listing && id === undefined) requireStretch(options, stream)
  if (!listing) requireReason(options)
  await withPorts(options, async (ports) => {
    if (id !== undefined) return withdraw(ports, stream, id, options)
    if (listing) return list(ports, requireStream(name), options)
    return record(ports, stream, options)
  })
}

async function list(ports: Ports, stream: Stream, options: RetractOptions): Promise<void> {
  const effects = await retractionEffects(ports, stream)
  const retractions = effects.map(({ retraction, ...effect }) => ({ ...retraction, ...effect }))
  print(options, { stream: stream.name, retractions }, () => {
    if (effects.length === 0) return `${stream.name}: nothing is retracted`
    const header = [
      'id',
      'topic',
      'partition',
      'from',
      'to',
      'recorded',
      'withdrawn',
      'left out of',
      'reason',
    ]
    return table(header, effects.map(rowOf))
  })
}

function rowOf({ retraction, leftOutOf, stillIn }: RetractionEffect) {
  const { id, topic, partition, from, to, recordedMs, withdrawn, reason } = retraction
  const back = withdrawn === undefined ? '' : new Date(withdrawn.recordedMs).toISOString()
  const effect = `${leftOutOf.length} of ${leftOutOf.length + stillIn.length} views`
  return [id, topic, partition, from, to, new Date(recordedMs).toISOString(), back, effect, reason]
}

async function record(ports: Ports, stream: string, options: RetractOptions): Promise<void> {
  const topic = options.topic ?? topicName(stream, 'raw')
  const [partition, from, to] = (['partition', 'from', 'to'] as const).map((one) =>
    whole(one, options[one]),
  ) as [number, number, number]
  if (to <= from) throw new UsageError(`nothing lies in [${from}, ${to})`)
  const reason = requireReason(options)
  const stretch = { topic, partition, from, to }
  await requireThere(ports, stream, stretch)
  const retraction = await recordRetraction(ports.keyed, stretch, reason, ports.clock.nowMs())
  const times = await appendTimesOf(ports.objects, stream, stretch)
  print(
    options,
    { ...retraction, ...times },
    () => `recorded as ${retraction.id}: ${effectOf(retraction, times)}`,
  )
}

function effectOf(
  { topic, partition, from, to }: Retraction,
  times: { readonly maxAppendMs: number } | undefined,
): string {
  const after = times === undefined ? 'above them' : `after ${new Date(times.maxAppendMs).toISOString()}`
  return (
    `${to - from} records of ${topic}-${partition}, offsets [${from}, ${to}).\nThe master keeps them. Views leave them ` +
    `out from the next recompute on whose horizon is ${after}; until then they hold them.`
  )
}

async function withdraw(ports: Ports, stream: string, id: string, options: RetractOptions): Promise<void> {
  const reason = requireReason(options)
  const found = await withdrawRetraction(ports.keyed, stream, id, reason, ports.clock.nowMs())
  if (found === undefined)
    throw new CommandError(
      `${stream} has no retraction ${JSON.stringify(id)}; \`weir retract ${stream}\` lists them`,
    )
  const { topic, partition, from, to } = found
  print(
    options,
    found,
    () =>
      `withdrawn: from the next recompute on, views hold the records [${from}, ${to}) of ${topic}-${partition} again`,
  )
}

function requireRawTopic(topic: string, stream: string): void {
  const [, generation] = topic.split('.raw.g')
  if (generation !== undefined && topic === topicName(stream, 'raw', Number(generation))) return
  throw new UsageError(
    `--topic takes a raw topic of ${stream}, such as ${topicName(stream, 'raw')}; got ${topic}`,
  )
}

function requireReason({ reason }: RetractOptions): string {
  if (reason !== undefined && reason.trim() !== '') return reason
  throw new UsageError('--reason says why; it is recorded and shown with the retraction')
}

/**
 * What is not there yet cannot be known to be bad. Of an older generation the log may be gone: the master is what there is.
 */
async function requireThere(
  { log, objects }: Ports,
  stream: string,
  { topic, partition, to }: { readonly topic: string; readonly partition: number; readonly to: number },
): Promise<void> {
  const { partitions = 0 } = (await log.describeTopic(topic)) ?? {}
  const logged = partition < partitions ? (await log.offsets(topic, partition)).end : 0
  const { manifest, etag } = await readManifest(objects, stream, topic, partition)
  if (partition >= partitions && etag === undefined)
    throw new CommandError(
      `${topic} has ${partitions} partitions, there is no partition ${partition}, and the master holds nothing of one`,
    )
  const end = Math.max(logged, manifest.progress.highestOrigin + 1)
  if (to > end)
    throw new CommandError(`${topic}-${partition} ends at offset ${end}, there is nothing up to ${to}`)
}

/** A stretch is a partition and two offsets: what is missing is said at once. Throws a UsageError. */
function requireStretch(options: RetractOptions, stream: string): void {
  if (options.topic !== undefined) requireRawTopic(options.topic, stream)
  const missing = (['partition', 'from', 'to'] as const).filter((one) => options[one] === undefined)
  if (missing.length === 0) return
  throw new UsageError(
    `a stretch is --partition N --from OFFSET --to OFFSET; missing: ${missing.map((one) => `--${one}`).join(', ')}`,
  )
}

function whole(name: string, text: string | undefined): number {
  const n = Number(text)
  if (text !== undefined && /^\d+$/.test(text) && Number.isSafeInteger(n)) return n
  throw new UsageError(`--${name} takes a whole number from 0 up, got ${JSON.stringify(text)}`)
}
