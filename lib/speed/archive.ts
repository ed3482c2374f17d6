import type { MasterFile } from '../master/manifest.ts'
import { commit, type LoadedManifest, readManifest } from '../master/manifest-store.ts'
import { cutRuns, writeFile } from '../master/new-file.ts'
import type { Ports } from '../ports/ports.ts'
import type { Progress } from '../state/progress.ts'
import type { Stream } from '../stream/define.ts'
import { readEntry } from '../stream/entry.ts'
import { parseTopic, topicName } from '../stream/topic.ts'
import type { EntryStage, SeenBatch } from './entry-consumer.ts'

export interface ArchiveOptions {
  /** Files that a manifest's head lists before it seals them into a chapter. */
  readonly sealItems?: number
}

interface Loaded extends LoadedManifest {
  readonly progress: Progress
}

/**
 * Keeps every entry, whatever its outcome, in the master. The manifest holds the progress too: files are written first,
 * under names of their own, then one conditional put makes them part of the master and moves the progress. A crash in
 * between, or another writer that was faster, leaves files that no manifest lists and no reader sees.
 */
export function archiveStage(
  stream: Stream,
  ports: Pick<Ports, 'objects'>,
  options: ArchiveOptions = {},
): EntryStage<Loaded> {
  return {
    name: 'archive',
    load: async (topic, partition) => {
      const loaded = await readManifest(ports.objects, stream.name, rawTwin(topic), partition)
      return { ...loaded, progress: loaded.manifest.progress }
    },
    apply: async (batch, loaded) => {
      const files = await writeFiles(stream, ports, batch)
      return commit(ports.objects, loaded, { files, progress: batch.progress }, options.sealItems)
    },
  }
}

function writeFiles(
  stream: Stream,
  { objects }: Pick<Ports, 'objects'>,
  batch: SeenBatch,
): Promise<readonly MasterFile[]> {
  const runs = cutRuns(batch.entries.map(({ text }) => readEntry(text)))
  return Promise.all(runs.map((run) => writeFile(objects, stream, run)))
}

/** The raw topic whose offsets the entries of an enriched topic name. */
function rawTwin(enrichedTopic: string): string {
  const { stream, generation } = parseTopic(enrichedTopic)
  return topicName(stream, 'raw', generation)
}
