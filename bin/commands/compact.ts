import type { Command } from 'commander'
import type { Compacted } from '../../lib/master/compact.ts'
import { manifestTotal } from '../../lib/master/manifest.ts'
import { readManifests } from '../../lib/master/manifest-store.ts'
import { keepUp, type Upkeep } from '../../lib/master/upkeep.ts'
import { CommandError, type CommonOptions, print, withCommonOptions } from '../command.ts'
import { progressLine } from '../progress.ts'
import { requireStream } from '../streams.ts'
import { withData } from '../with-ports.ts'

interface Options extends CommonOptions {
  readonly openHours?: boolean
}

export function register(program: Command): void {
  const command = program
    .command('compact')
    .description("Merge the small files of a stream's master, and delete what nothing refers to any more.")
    .argument('<stream>', 'e.g. network')
    .option('--open-hours', 'also hours that may still get files')
    .addHelpText(
      'after',
      '\n`weir dev` and a deployment do this by themselves. Safe at any moment, beside everything else: records stay as they\nare, and files that were merged stay for a day for whoever is reading them. Ctrl-C loses nothing.',
    )
  withCommonOptions(command).action(run)
}

async function run(name: string, options: Options): Promise<void> {
  const stream = requireStream(name).name
  const progress = progressLine()
  const done = await withData(options, async (ports) => {
    const total = (await readManifests(ports.objects, stream)).reduce(
      (sum, one) => sum + manifestTotal(one).files,
      0,
    )
    let merged = 0
    const onSwap = ({ sources }: { sources: readonly unknown[] }) => {
      merged += sources.length
      progress.update({ done: merged, total, text: `${stream}: ${merged} of ${total} files merged` })
    }
    return keepUp(ports, stream, { onSwap, openHours: options.openHours === true })
  }).finally(() => progress.clear())
  print(options, { stream, ...done }, () => describe(done))
  const { problems } = done.compacted
  if (problems.length > 0) throw new CommandError(`${problems.join('; ')}: see \`weir verify ${stream}\``)
}

function describe({ compacted, swept, sweptBoards }: Upkeep): string {
  const deleted = swept.objects + sweptBoards
  const rest = deleted === 0 ? '' : `; deleted ${deleted} objects that nothing refers to any more`
  return `${merging(compacted)}${rest}`
}

function merging({ stream, replaced, written, writtenBytes }: Compacted): string {
  if (replaced === 0) return `${stream}: no files to merge`
  const size = `${(writtenBytes / 1e6).toFixed(1)} MB`
  return `${stream}: merged ${replaced} files into ${written} (${size}); those stay for a day for whoever reads them`
}
