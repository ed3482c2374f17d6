import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import type { Ports } from '../../lib/ports/ports.ts'
import { archiveStage } from '../../lib/speed/archive.ts'
import { countStage } from '../../lib/speed/count.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { writeEntry } from '../../lib/stream/entry.ts'
import { topicName } from '../../lib/stream/topic.ts'
import type { Value } from '../../lib/stream/value.ts'
import { network } from '../../streams/network.ts'

export const KDD = '../shared/data/network/kddcup.data_10_percent.gz'
export const START_MS = 1_790_000_000_000
/** Records a second of append and event time. */
export const RATE = 5_000
export const PARTITIONS = 4
/** Records of one batch, and so of a file at most: as Lambda delivers them, or as compaction leaves them. */
const DELIVERED = 10_000
const COMPACTED = 50_000

/** The lines of the KDD file: parsed anew for each tile, so that they need no gigabyte. */
async function kddLines(): Promise<readonly Buffer[]> {
  const all: Buffer[] = []
  for await (const line of createInterface({ input: createReadStream(KDD).pipe(createGunzip()) }))
    all.push(Buffer.from(line))
  return all
}

function connectionOf(line: Buffer): Value {
  const parsed = network.parse(line)
  if (!parsed.ok) throw new Error(`not a KDD record: ${parsed.reason}`)
  return network.enrich(parsed.value)
}

/**
 * Tiles the KDD file to `records` records with distinct ids and takes them through archive, and through count where asked
 * for, on these ports, as the functions do. Resolves with the time at which the last was appended.
 */
export async function feedKdd(
  ports: Ports,
  stream: Stream,
  records: number,
  { count = true, onBatch }: { readonly count?: boolean; readonly onBatch?: (done: number) => void } = {},
): Promise<number> {
  const lines = await kddLines()
  const topic = topicName(stream.name, 'enriched')
  const stages = [archiveStage(stream, ports), ...(count ? [countStage(stream, ports)] : [])]
  const offsets = Array.from({ length: PARTITIONS }, () => 0)
  let done = 0
  for (let partition = 0; done < records; partition = (partition + 1) % PARTITIONS) {
    const from = offsets[partition] ?? 0
    const size = Math.min(count ? DELIVERED : COMPACTED, records - done)
    const entries = Array.from({ length: size }, (_, i) => {
      const n = done + i
      const time = START_MS + Math.floor((n * 1000) / RATE)
      const value = { ...connectionOf(lines[n % lines.length] as Buffer), sequence_id: n, index: n }
      const origin = { site: 'bench', topic: topicName(stream.name, 'raw'), partition, offset: from + i }
      const text = writeEntry({ ...origin, appendTime: time, eventTime: time, outcome: 'ok', value })
      return { offset: from + i, origin: from + i, text }
    })
    const to = from + size
    const progress = { nextOffset: to, highestOrigin: to - 1 }
    for (const stage of stages) await applyTo(stage, { topic, partition, entries, progress })
    offsets[partition] = to
    done += size
    onBatch?.(done)
  }
  return START_MS + Math.ceil((records * 1000) / RATE)
}

type Stage = ReturnType<typeof archiveStage> | ReturnType<typeof countStage>
type Batch = Parameters<Stage['apply']>[0]

async function applyTo(stage: Stage, batch: Batch): Promise<void> {
  const loaded = await stage.load(batch.topic, batch.partition)
  const result = await stage.apply(batch, loaded as never)
  if (result !== 'done') throw new Error(`${stage.name} moved under the bench`)
}
