/** One made-up record of a demo. */
export interface DemoRecord {
  readonly line: string
  /** When it comes, ms since the start; never earlier than the one before. Negative: of the time before the start. */
  readonly atMs: number
}

export interface DemoStreamOptions {
  readonly seed: number
  /** The moment that `atMs` counts from, ms since 1970, for records that carry a time. */
  readonly startMs: number
  /** Records of so long a time before the start come first, as fast as they are taken. Default 0. */
  readonly pastMs?: number
}

/** Makes one stream's records, endlessly; the same for the same options. */
export type DemoStream = (options: DemoStreamOptions) => Generator<DemoRecord, never>
