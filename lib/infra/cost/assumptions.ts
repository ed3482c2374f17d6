/** What an estimate takes for granted besides the load; each is printed with it. */
export const ASSUMPTIONS = {
  enrichedRatio: {
    value: 1.6,
    what: 'bytes of an entry of the enriched topic, over those of its raw record',
  },
  parquetRatio: { value: 0.1, what: 'bytes in the master, over those of the raw record' },
  batchesPerSecond: {
    value: 5,
    what: 'batches a second and partition of score and notify at most, which do not wait for more records',
  },
  payloadBytes: { value: 4_500_000, what: 'raw bytes of the largest batch: an event has 6 MB, in base64' },
  batchOverheadMs: { value: 15, what: 'ms of a batch besides its records' },
  scoreMicros: { value: 22, what: 'us of one core a record takes in score' },
  countMicros: { value: 12, what: 'us in count' },
  archiveMicros: { value: 14, what: 'us in archive' },
  notifyMicros: { value: 5, what: 'us in notify' },
  boardBytes: { value: 4_096, what: 'bytes of a board: some hundred keys of a view' },
  boardsPerBatch: { value: 1.3, what: 'boards of a view that a batch of count touches' },
  alertShare: { value: 0.001, what: 'share of the records that are alerts' },
  scanPerSecond: {
    value: 1_000_000,
    what: 'records a second that a recompute scans with one core, for each view',
  },
  transitionsPerRun: { value: 60, what: 'state transitions of a recompute' },
  trainSeconds: { value: 90, what: 'seconds of a training, once a day' },
  brokerBytesPerSecond: {
    value: 15_000_000,
    what: 'bytes a second that a broker of this size takes in, all replicas',
  },
  logBytesPerBatch: { value: 600, what: 'bytes of log and metrics of a batch' },
  zoneShare: { value: 0.67, what: 'share of what is appended that crosses to another zone' },
} as const satisfies Readonly<Record<string, { readonly value: number; readonly what: string }>>

export type Assumption = keyof typeof ASSUMPTIONS
