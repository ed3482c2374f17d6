/** Where the master of a stream lies in the object store. Names under `_manifests` are skipped by Hive-like readers. */

/** Prefix of everything a stream's master has written. */
export function masterPrefix(stream: string): string {
  return `master/${stream}/`
}

/** Prefix of the manifest heads, one object for each raw partition. */
export function headsPrefix(stream: string): string {
  return `${masterPrefix(stream)}_manifests/heads/`
}

export function headKey(stream: string, topic: string, partition: number): string {
  return `${headsPrefix(stream)}${topic}-${partition}.json`
}

/** Key of a chapter. `unique` makes it a name that no other writer has. */
export function chapterKey(stream: string, topic: string, partition: number, from: number, unique: string) {
  return `${masterPrefix(stream)}_manifests/chapters/${topic}-${partition}-${from}-${unique}.json`
}

/** Prefix of the lists of files that are made for readers of Hive's tables when views are published. */
export function symlinksPrefix(stream: string): string {
  return `${masterPrefix(stream)}_symlinks/`
}

/** Key of a list of replaced objects. `unique` makes it a name that no other writer has. */
export function replacedKey(stream: string, topic: string, partition: number, unique: string): string {
  return `${masterPrefix(stream)}_manifests/replaced/${topic}-${partition}-${unique}.json`
}

export interface Stretch {
  /** Raw topic. */
  readonly topic: string
  readonly partition: number
  /** Raw offsets [from, to). */
  readonly from: number
  readonly to: number
  /** Of its first record: decides the folder. */
  readonly appendTimeMs: number
}

/** Key of a data file, in the folder of the hour its records were appended in. */
export function fileKey(stream: string, stretch: Stretch, unique: string): string {
  const { topic, partition, from, to, appendTimeMs } = stretch
  const hour = new Date(appendTimeMs).toISOString()
  const folder = `date=${hour.slice(0, 10)}/hour=${hour.slice(11, 13)}`
  return `${masterPrefix(stream)}${folder}/${topic}-${partition}-${from}-${to}-${unique}.parquet`
}

const HOUR_MS = 3_600_000

/** The hour a file's folder is named after: records of two hours never share a file. */
export function hourOf(appendTimeMs: number): number {
  return Math.floor(appendTimeMs / HOUR_MS)
}

/**
 * The raw partition that a data file, chapter or list of replaced objects was written for, by its key; undefined for a
 * key that none of the functions above made.
 */
export function partitionOfKey(
  key: string,
): { readonly topic: string; readonly partition: number } | undefined {
  const [, topic, partition] = /\/([a-z][a-z0-9-]*\.raw\.g\d+)-(\d+)-[^/]+$/.exec(key) ?? []
  return topic === undefined ? undefined : { topic, partition: Number(partition) }
}
