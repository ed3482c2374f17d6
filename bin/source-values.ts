import { recordAt } from '../lib/collect/block.ts'
import { readLines } from '../lib/collect/lines.ts'
import { expandSources, openSource } from '../lib/collect/sources.ts'
import type { Stream } from '../lib/stream/define.ts'
import type { Value } from '../lib/stream/value.ts'
import type { ProgressLine } from './progress.ts'

/** How reading went so far. */
export interface SourceCounts {
  rows: number
  /** Lines that are no valid record of the stream; they are left out. */
  unreadable: number
}

/**
 * The valid records of sources (files, .gz too, folders, patterns, `-`) with the stream's enriched fields added, some thousands
 * at a time. `counts` is kept while reading. Throws a SourceError for what cannot be read.
 */
export async function* sourceValues(
  stream: Stream,
  sources: readonly string[],
  counts: SourceCounts,
  progress: ProgressLine,
): AsyncGenerator<readonly Value[]> {
  let done = 0
  const onBytes = (bytes: number) => {
    done += bytes
  }
  const paths = await expandSources(sources)
  const opened = await Promise.all(paths.map((path) => openSource(path, stream.framing)))
  const sizes = opened.map(({ sizeBytes }) => sizeBytes)
  const total = sizes.includes(undefined)
    ? undefined
    : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
  for (const path of paths) {
    for await (const block of readLines(path === '-' ? process.stdin : path, {
      onBytes,
      framing: stream.framing,
    })) {
      if (block.kind !== 'records') continue
      const values: Value[] = []
      for (let i = 0; i < block.count; i++) {
        const parsed = stream.parse(recordAt(block, i))
        if (parsed.ok) values.push(stream.enrich(parsed.value))
        else counts.unreadable++
      }
      counts.rows += values.length
      progress.update({ done, total, text: `${counts.rows.toLocaleString('en-US')} records read` })
      yield values
    }
  }
}
