/** Figures of one batch, given once per batch and never per record. */
export interface BatchFigures {
  /** The stage or part: score, count, archive, notify, ... */
  readonly stage: string
  readonly stream: string
  /** Counters and timings by name; the unit ends the name: records, deadLettered, durationMs, sizeBytes. */
  readonly figures: Readonly<Record<string, number>>
}

/**
 * Where figures go: CloudWatch through a log line in its embedded format, or the dashboard on one machine.
 * Never throws and never blocks: a lost figure loses no record.
 */
export interface Metrics {
  record(batch: BatchFigures): void
}
