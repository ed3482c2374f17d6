import type { Command } from 'commander'
import { isServed } from '../../lib/local/host-socket.ts'
import { StreamWatch } from '../../lib/local/status.ts'
import type { StreamStatus } from '../../lib/serve/dashboard-messages.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { streams } from '../../streams/index.ts'
import { type CommonOptions, print, withCommonOptions } from '../command.ts'
import { requireStream } from '../streams.ts'
import { table } from '../table.ts'
import { withData } from '../with-ports.ts'

export function register(program: Command): void {
  const command = program
    .command('status')
    .description('How every stream stands: the ledger, what is in flight, the active model.')
    .argument('[stream]', 'only this stream')
  withCommonOptions(command).action(run)
}

async function run(name: string | undefined, options: CommonOptions): Promise<void> {
  const chosen = name === undefined ? [...streams.values()] : [requireStream(name)]
  await withData(options, async (ports) => {
    const all: StreamStatus[] = []
    for (const stream of chosen) all.push(await new StreamWatch(ports, stream).read())
    const running = await isServed(options.data)
    print(options, { site: ports.site, running, streams: all }, () =>
      all.map((status, i) => describe(status, running, chosen[i])).join('\n\n'),
    )
  })
}

function describe(
  { name, ledger, stages, model }: StreamStatus,
  running: boolean,
  stream: Stream | undefined,
): string {
  const agrees = ledger.in === ledger.archived && ledger.in === ledger.counted
  const waiting = running
    ? 'records are in flight, and are being taken in'
    : 'records are in flight; run the pipeline (weir dev) to take them in'
  const verdict = agrees ? 'all agree' : waiting
  const counts = (
    [
      ['in', ledger.in],
      ['scored', ledger.scored],
      ['in the master', ledger.archived],
      ['counted', ledger.counted],
      ...(ledger.dropped > 0 ? [['dropped by rule', ledger.dropped] as const] : []),
      ['dead letters', ledger.deadLettered],
      ['alerts', ledger.alerts],
    ] as const
  ).map(([label, n]) => [label, n])
  const lags = stages
    .filter(({ lag }) => lag > 0)
    .map(({ stage, lag }) => `${stage} ${lag.toLocaleString('en-US')} behind`)
  return [`${name}: ${verdict}`, table(['', 'records'], counts), ...lags, ...scoringOf(stream, model)].join(
    '\n',
  )
}

/** What scores a stream's records; nothing to say of one that scores none. */
function scoringOf(stream: Stream | undefined, model: StreamStatus['model']): readonly string[] {
  if (model !== undefined) return [`model ${model.version}`]
  if (stream?.scorer !== undefined) return [`scored by ${stream.scorer.version}`]
  return stream?.detector === undefined ? [] : [`no model yet: enriching only (weir train ${stream.name})`]
}
