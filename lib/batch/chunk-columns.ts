import type { Chunk } from '../formats/parquet-read.ts'
import type { EnvelopeName } from '../formats/parquet-schema.ts'
import { asksForOrigin } from '../views/aggregate.ts'
import type { ColumnBatch } from '../views/columns.ts'
import type { View } from '../views/view.ts'

/** The columns of the envelope that views are aggregated from; offsets follow from where a file begins. */
export function envelopeOf(views: readonly View[], withAppendTimes: boolean): readonly EnvelopeName[] {
  const severities = views.some(({ definition: { groupBy, where = [] } }) =>
    [...groupBy, ...where.map(({ field }) => field)].includes('@severity'),
  )
  return [
    'weir_event_time',
    'weir_outcome',
    ...(withAppendTimes ? (['weir_append_time'] as const) : []),
    ...(severities ? (['weir_severity'] as const) : []),
  ]
}

/** Rows of a master file as the columns that views are aggregated from. `offset`: of the first row. */
export function columnsOf(
  chunk: Chunk,
  at: { readonly topic: string; readonly partition: number; readonly offset: number },
  views: readonly View[],
): ColumnBatch {
  const { topic, partition, offset } = at
  const extra = extraCells(chunk)
  const found = new Map<string, ArrayLike<unknown> | undefined>()
  const asked = views.some(({ definition }) => Object.values(definition.aggregates).some(asksForOrigin))
  const offsets = new Float64Array(asked ? chunk.rows : 0)
  for (let i = 0; i < offsets.length; i++) offsets[i] = offset + i
  return {
    topic,
    partition,
    rows: chunk.rows,
    offsets,
    eventTimes: chunk.envelope('weir_event_time') ?? [],
    outcomes: chunk.envelope('weir_outcome') ?? [],
    severities: chunk.envelope('weir_severity'),
    field: (name) => {
      if (!found.has(name)) found.set(name, fieldCells(chunk, name, extra))
      return found.get(name)
    },
  }
}

type Extra = ReadonlyMap<number, Readonly<Record<string, unknown>>>

/** A column's cells, JSON parsed, with what only `weir_extra` could hold put in its place. */
function fieldCells(chunk: Chunk, name: string, extra: Extra): ArrayLike<unknown> | undefined {
  const field = chunk.fields.find(({ column }) => column.name === name)
  const cells = field?.column.kind === 'json' ? parsed(field.cells) : field?.cells
  let filled: unknown[] | undefined
  for (const [row, values] of extra) {
    if (!Object.hasOwn(values, name)) continue
    filled ??= Array.from({ length: chunk.rows }, (_, i) => cells?.[i])
    filled[row] = values[name]
  }
  return filled ?? cells
}

function parsed(cells: ArrayLike<unknown>): unknown[] {
  return Array.from(cells, (cell) => (typeof cell === 'string' ? (JSON.parse(cell) as unknown) : undefined))
}

function extraCells(chunk: Chunk): Extra {
  const cells = chunk.envelope('weir_extra')
  const extra = new Map<number, Readonly<Record<string, unknown>>>()
  for (let i = 0; i < (cells?.length ?? 0); i++) {
    const cell = cells?.[i]
    if (typeof cell === 'string') extra.set(i, JSON.parse(cell) as Record<string, unknown>)
  }
  return extra
}
