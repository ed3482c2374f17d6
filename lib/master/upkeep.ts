import type { Ports } from '../ports/ports.ts'
import { sweepBoards } from '../state/sweep-boards.ts'
import { type Compacted, type CompactOptions, compactStream } from './compact.ts'
import { type SweepOptions, type Swept, sweepOrphans } from './sweep.ts'
import { writeSymlinkManifests } from './symlinks.ts'

export interface Upkeep {
  readonly compacted: Compacted
  /** Of the master. */
  readonly swept: Swept
  /** Bodies of boards that nothing points to any more. */
  readonly sweptBoards: number
}

/**
 * What a stream's objects need from time to time, beside ingestion and off every path: compaction, then sweeps of what
 * nothing refers to any more. Idempotent; may end at any point and run several times at once.
 */
export async function keepUp(
  ports: Pick<Ports, 'objects' | 'keyed' | 'clock' | 'metrics'>,
  stream: string,
  options: CompactOptions & SweepOptions = {},
): Promise<Upkeep> {
  const startedMs = ports.clock.nowMs()
  const compacted = await compactStream(ports, stream, options)
  // Before the sweep: what compaction has replaced is in no list any more when it goes.
  const symlinkFolders = await writeSymlinkManifests(ports.objects, stream, ports.clock)
  const swept = await sweepOrphans(ports, stream, options)
  const sweptBoards = await sweepBoards(ports, stream)
  const { replaced, written, writtenBytes, abandoned, problems } = compacted
  const figures = {
    ...{ replaced, written, writtenBytes, abandoned, problems: problems.length },
    symlinkFolders,
    sweptObjects: swept.objects,
    sweptBytes: swept.sizeBytes,
    sweptBoards,
    durationMs: ports.clock.nowMs() - startedMs,
  }
  ports.metrics.record({ stage: 'compact', stream, figures })
  return { compacted, swept, sweptBoards }
}
