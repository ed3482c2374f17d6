import { below, type Random, shuffleFront } from '../stream/random.ts'
import { coarseNumber, coarseRate, type SignatureSample } from './signature-sample.ts'
import type { Scale } from './tree.ts'

/** A sample made ready to grow trees on: column by column, nothing missing, categories numbered by how common they are. */
export interface TrainingTable {
  readonly size: number
  /** Rows that each signature stands for. */
  readonly counts: Float64Array
  /** By number field: its values, the usual one in place of missing ones. */
  readonly numbers: readonly Float64Array[]
  /** By number field: how it is cut. */
  readonly scales: readonly Scale[]
  /** By number field: the median over the signatures that have one; 0 where none has. */
  readonly medians: readonly number[]
  /** By categorical field: the code of each signature, 0 for the category most signatures have. */
  readonly codes: readonly Uint16Array[]
  /** By categorical field: its categories in the order of their codes; null is missing. */
  readonly categories: readonly (readonly (string | null)[])[]
  /** By field, numbers first: the part of the signature it makes up. */
  readonly coarse: readonly Int16Array[]
}

export function trainingTable(sample: SignatureSample): TrainingTable {
  const { size, rows, features } = sample
  const width = size === 0 ? 0 : rows.length / size
  const column = (field: number) =>
    Float64Array.from({ length: size }, (_, i) => rows[i * width + field] ?? 0)
  const coarseOf = [...features.numeric.map(() => coarseNumber), ...features.rates.map(() => coarseRate)]
  const raw = coarseOf.map((_, field) => column(field))
  const medians = raw.map(medianOf)
  const recoded = features.categorical.map((_, i) =>
    byFrequency(column(coarseOf.length + i), sample.categories[i] ?? []),
  )
  return {
    size,
    counts: sample.counts.slice(),
    numbers: raw.map((values, i) => values.map((x) => (Number.isNaN(x) ? (medians[i] as number) : x))),
    scales: [...features.numeric.map(() => 'wide' as const), ...features.rates.map(() => 'even' as const)],
    medians,
    codes: recoded.map(({ codes }) => codes),
    categories: recoded.map(({ categories }) => categories),
    coarse: [
      ...raw.map((values, i) => Int16Array.from(values, coarseOf[i] as (x: number) => number)),
      ...recoded.map(({ codes }) => Int16Array.from(codes)),
    ],
  }
}

function medianOf(values: Float64Array): number {
  const present = values.filter((x) => !Number.isNaN(x)).sort()
  return present[present.length >> 1] ?? 0
}

function byFrequency(column: Float64Array, names: readonly (string | null)[]) {
  const counts = new Float64Array(names.length)
  for (const code of column) counts[code] = (counts[code] ?? 0) + 1
  const order = [...names.keys()].filter((code) => (counts[code] ?? 0) > 0)
  order.sort((a, b) => (counts[b] ?? 0) - (counts[a] ?? 0) || a - b)
  const rank = new Uint16Array(names.length)
  order.forEach((code, i) => {
    rank[code] = i
  })
  return {
    codes: Uint16Array.from(column, (code) => rank[code] ?? 0),
    categories: order.map((code) => names[code] ?? null),
  }
}

/**
 * At most `take` signatures, drawn at random from those that differ in the given fields: among signatures that are the
 * same there, one at random. Rows that differ only elsewhere would make their region look busier than it is.
 */
export function drawDistinct(
  table: TrainingTable,
  fields: readonly number[],
  take: number,
  random: Random,
): Uint32Array {
  const slots = 2 ** Math.ceil(Math.log2(table.size * 2 + 2))
  const slotRow = new Uint32Array(slots)
  const slotSeen = new Uint32Array(slots)
  const columns = fields.map((field) => table.coarse[field] as Int16Array)
  const hashes = hashRows(columns, table.size)
  let distinct = 0
  for (let row = 0; row < table.size; row++) {
    let slot = (hashes[row] as number) & (slots - 1)
    while ((slotSeen[slot] as number) > 0 && !sameRow(columns, slotRow[slot] as number, row))
      slot = (slot + 1) & (slots - 1)
    const seen = (slotSeen[slot] as number) + 1
    slotSeen[slot] = seen
    if (seen === 1) distinct++
    if (seen === 1 || below(random, seen) === 0) slotRow[slot] = row
  }
  const rows = new Uint32Array(distinct)
  for (let slot = 0, i = 0; slot < slots; slot++)
    if ((slotSeen[slot] as number) > 0) rows[i++] = slotRow[slot] as number
  const taken = Math.min(take, distinct)
  shuffleFront(rows, taken, random)
  return rows.slice(0, taken)
}

function hashRows(columns: readonly Int16Array[], size: number): Int32Array {
  const hashes = new Int32Array(size)
  for (const column of columns)
    for (let row = 0; row < size; row++) {
      const mixed = Math.imul((hashes[row] as number) ^ (column[row] as number), 0x5bd1e995)
      hashes[row] = mixed ^ (mixed >>> 15)
    }
  return hashes
}

function sameRow(columns: readonly Int16Array[], a: number, b: number): boolean {
  for (const column of columns) if (column[a] !== column[b]) return false
  return true
}
