/**
 * What the master of one raw partition consists of, and how far it goes. Files and progress are one object, so one
 * conditional put commits both (docs/exactness.md, rule 10). Readers go by it and never by a listing of the folder.
 *
 * So that the head stays small it lists the newest files only; older ones are sealed into chapters, immutable objects
 * that the head refers to, and chapters into chapters of the next level. In order of offset: chapters of the highest
 * level, ..., chapters of level 1, files.
 */
export interface Manifest {
  readonly form: 1
  /** Grows by one a commit, so that no two heads of a partition have the same bytes. */
  readonly version: number
  readonly stream: string
  /** Raw topic. */
  readonly topic: string
  readonly partition: number
  readonly progress: ManifestProgress
  /** Oldest first. */
  readonly chapters: readonly Chapter[]
  /** Oldest first. */
  readonly files: readonly MasterFile[]
  /** What compactions have replaced, as long as readers of an older head may still need it; oldest first. */
  readonly replaced?: readonly ReplacedList[]
  /** How often orphans were swept. What was written before a sweep must not be committed after it: it may be gone. */
  readonly sweeps?: number
  /** Compaction is done with the files below this raw offset. */
  readonly compactedTo?: number
}

/** Objects that the manifest no longer lists, which stay for a time of grace from `toMs` on. */
export interface ReplacedList {
  /** Of the object that names them. */
  readonly key: string
  /** When the first and the last of them were replaced, Unix ms. */
  readonly fromMs: number
  readonly toMs: number
  readonly objects: number
}

/** What the object of a `ReplacedList` holds. */
export interface ReplacedBody {
  readonly form: 1
  readonly objects: readonly { readonly key: string; readonly replacedMs: number }[]
}

/** As `Progress` of lib/state/progress.ts. */
export interface ManifestProgress {
  /** Everything below this offset of the enriched partition has been taken in. */
  readonly nextOffset: number
  /** Highest offset of the raw partition taken; -1 before the first. */
  readonly highestOrigin: number
}

/** What a stretch of the master holds. */
export interface Holding {
  /** Raw offsets [from, to). A file holds every one of them once; between the files of a chapter some may be lost. */
  readonly from: number
  readonly to: number
  readonly rows: number
  readonly outcomes: Outcomes
  /** Records with a severity. */
  readonly alerts: number
  readonly sizeBytes: number
}

export interface Outcomes {
  readonly ok: number
  readonly drop: number
  readonly dead: number
}

/** One Parquet object. */
export interface MasterFile extends Holding {
  readonly key: string
  /** Of the object's bytes, hex. */
  readonly sha256: string
  readonly minAppendMs: number
  readonly maxAppendMs: number
  readonly minEventMs: number
  readonly maxEventMs: number
}

/** A sealed run of files (level 1) or of chapters one level lower. Its `sizeBytes` is that of the files. */
export interface Chapter extends Holding {
  readonly key: string
  /** Of the chapter object's bytes, hex. */
  readonly sha256: string
  readonly level: number
  readonly files: number
  /** Of its records. Missing in chapters sealed before this was noted. */
  readonly minAppendMs?: number
  readonly maxAppendMs?: number
}

/** What a chapter object holds. */
export interface ChapterBody {
  readonly form: 1
  readonly level: number
  readonly items: readonly (MasterFile | Chapter)[]
}

export function emptyManifest(stream: string, topic: string, partition: number): Manifest {
  const progress = { nextOffset: 0, highestOrigin: -1 }
  return { form: 1, version: 0, stream, topic, partition, progress, chapters: [], files: [] }
}

/** The sums over stretches, and the number of files. `from` and `to` are those of the whole run; 0 of an empty one. */
export function totalOf(items: readonly (MasterFile | Chapter)[]): Holding & { readonly files: number } {
  const sum = (pick: (item: MasterFile | Chapter) => number) =>
    items.reduce((total, item) => total + pick(item), 0)
  return {
    from: items[0]?.from ?? 0,
    to: items.at(-1)?.to ?? 0,
    rows: sum(({ rows }) => rows),
    outcomes: {
      ok: sum(({ outcomes }) => outcomes.ok),
      drop: sum(({ outcomes }) => outcomes.drop),
      dead: sum(({ outcomes }) => outcomes.dead),
    },
    alerts: sum(({ alerts }) => alerts),
    sizeBytes: sum(({ sizeBytes }) => sizeBytes),
    files: sum((item) => ('level' in item ? item.files : 1)),
  }
}

/** What the whole partition holds. */
export function manifestTotal(manifest: Manifest): Holding & { readonly files: number } {
  return totalOf([...manifest.chapters, ...manifest.files])
}
