import type { Command } from 'commander'
import { type VerifyReport, verifyStream } from '../../lib/serve/verify.ts'
import { streams } from '../../streams/index.ts'
import { CommandError, type CommonOptions, print, withCommonOptions } from '../command.ts'
import { progressLine } from '../progress.ts'
import { requireStream } from '../streams.ts'
import { table } from '../table.ts'
import { withData } from '../with-ports.ts'

const PROBLEMS_SHOWN = 50

export function register(program: Command): void {
  const command = program
    .command('verify')
    .description(
      'Prove that the master holds every record once and that every view is what its records make.',
    )
    .argument('[stream]', 'only this stream')
    .addHelpText(
      'after',
      '\nReads the whole master. Exit code 0: everything holds and nothing is in flight; 1 otherwise, and it says what\nis wrong and where.',
    )
  withCommonOptions(command).action(run)
}

async function run(name: string | undefined, options: CommonOptions): Promise<void> {
  const chosen = name === undefined ? [...streams.values()] : [requireStream(name)]
  const progress = progressLine()
  const { reports, epochMs } = await withData(options, async (ports) => {
    const all: VerifyReport[] = []
    for (const stream of chosen) {
      const onFile = (done: number, total: number) =>
        progress.update({ done, total, text: `${stream.name}: ${done} of ${total} files` })
      all.push(await verifyStream(ports, stream, { onFile }))
    }
    return { reports: all, epochMs: ports.epochMs }
  }).finally(() => progress.clear())
  const ok = reports.every(({ exact, complete }) => exact && complete)
  print(options, { ok, streams: reports }, () =>
    reports.map((report) => describe(report, epochMs)).join('\n\n'),
  )
  if (!ok) throw new CommandError(reports.map(verdict).join('; '))
}

function verdict({ stream, exact, complete, problems, partitions }: VerifyReport): string {
  if (!exact)
    return `${stream}: ${problems.length} ${problems.length === 1 ? 'thing is' : 'things are'} wrong`
  if (complete) return `${stream}: every record is there once and every view agrees`
  const sum = (pick: (partition: (typeof partitions)[number]) => number) =>
    partitions.reduce((total, partition) => total + pick(partition), 0).toLocaleString('en-US')
  return (
    `${stream}: exact so far; ${sum(({ toArchive }) => toArchive)} records are on their way to the master, ` +
    `${sum(({ toCount }) => toCount)} to the views`
  )
}

function describe(report: VerifyReport, epochMs: number): string {
  const rows = report.partitions.map((one) => {
    const { topic, partition, files, rows, lost, toArchive, toCount, boards } = one
    return [topic, partition, files, rows, lost, boards.agreeing, toArchive, toCount]
  })
  const header = [
    'topic',
    'partition',
    'files',
    'records',
    'lost',
    'boards agreeing',
    'to archive',
    'to count',
  ]
  const batch = report.batch.map(({ view, horizon, agreeing, late, retractionsPending }) => [
    view,
    new Date(horizon * epochMs).toISOString(),
    agreeing,
    late,
    retractionsPending ? 'with the next recompute' : '',
  ])
  const batchHeader = [
    'batch view',
    'holds what was appended before',
    'rows agreeing',
    'late records',
    'retractions take effect',
  ]
  const shown = report.problems.slice(0, PROBLEMS_SHOWN).map(({ where, what }) => `${where}: ${what}`)
  const more = report.problems.length - shown.length
  const rest = more > 0 ? [`... and ${more} more (--json lists all)`] : []
  const partial = report.partitions.reduce((sum, { boards }) => sum + boards.partial, 0)
  const unjudged =
    partial === 0
      ? []
      : [
          `${partial} boards not judged: their view was not counted for a while (weir query says from when on it is)`,
        ]
  const batchTable = batch.length === 0 ? [] : [table(batchHeader, batch)]
  return [verdict(report), table(header, rows), ...batchTable, ...unjudged, ...shown, ...rest].join('\n')
}
