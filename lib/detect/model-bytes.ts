import { createHash } from 'node:crypto'
import { z } from 'zod'
import { columnCount, type ForestModel, type ForestTrees } from './model.ts'
import { LEAF } from './tree.ts'

/**
 * A model as bytes, little-endian:
 *
 *     'WEIRFRST' · u16 format · u16 0 · u32 header bytes · header (JSON, padded with spaces to 8) ·
 *     f64 depth units[trees] · f64 cuts of column 0, 1, ... · u16 orders of field 0, 1, ... ·
 *     u16 columns[nodes] · u16 operands[nodes] · SHA-256 of all before
 */
const MAGIC = 'WEIRFRST'
const FORMAT = 1
const PREFIX_BYTES = 16
const DIGEST_BYTES = 32

/** Bytes that are not a model of this kind and format. */
export class ModelFormatError extends Error {
  override readonly name = 'ModelFormatError'
}

const finite = z.number()
const names = z.array(z.string()).readonly()
const headerSchema = z.strictObject({
  features: z.strictObject({ numeric: names, rates: names, categorical: names }),
  categories: z.array(z.array(z.string().nullable()).min(1).readonly()).readonly(),
  medians: z.array(finite).readonly(),
  threshold: finite,
  bands: z.tuple([finite, finite, finite]).readonly(),
  usual: z
    .array(
      z.union([
        z.strictObject({ low: finite, typical: finite, high: finite }),
        z.strictObject({ top: z.array(z.tuple([z.string(), finite]).readonly()).readonly() }),
      ]),
    )
    .readonly(),
  orders: z.int().min(1),
  depthMax: z.int().min(1).max(16),
  trees: z.int().min(1),
  nodes: z.int().min(1),
  cuts: z.array(z.int().min(0).max(0xffff)),
})

export function modelToBytes(model: ForestModel): Uint8Array {
  const { features, categories, orders, medians, trees, threshold, bands, usual } = model
  const header = JSON.stringify({
    features,
    categories,
    medians,
    threshold,
    bands,
    usual,
    orders: orders.count,
    depthMax: trees.depthMax,
    trees: trees.depthUnits.length,
    nodes: trees.column.length,
    cuts: trees.cuts.map(({ length }) => length),
  } satisfies z.input<typeof headerSchema>)
  const text = Buffer.from(header)
  const padded = Buffer.concat([text, Buffer.alloc((8 - (text.length % 8)) % 8, ' ')])
  const prefix = Buffer.alloc(PREFIX_BYTES)
  prefix.write(MAGIC, 'latin1')
  prefix.writeUInt16LE(FORMAT, 8)
  prefix.writeUInt32LE(padded.length, 12)
  const arrays = [trees.depthUnits, ...trees.cuts, ...orders.ranks, trees.column, trees.operand]
  const body = Buffer.concat([prefix, padded, ...arrays.map(bytesOf)])
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

/** Throws a ModelFormatError on anything that `modelToBytes` did not make, and on what was damaged since. */
export function modelFromBytes(bytes: Uint8Array): ForestModel {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const body = checkedBody(all)
  const textEnd = PREFIX_BYTES + body.readUInt32LE(12)
  const parsed = headerSchema.safeParse(jsonOf(body.toString('utf8', PREFIX_BYTES, textEnd)))
  if (!parsed.success) throw new ModelFormatError(`forest model: header is not as expected`)
  const { orders, depthMax, trees: treeCount, nodes, cuts, ...header } = parsed.data
  const reader = new ArrayReader(body, textEnd)
  const trees = {
    depthMax,
    depthUnits: reader.floats(treeCount),
    cuts: cuts.map((count) => reader.floats(count)),
  }
  const ranks = header.categories.map(({ length }) => reader.shorts(length * orders))
  const model = {
    ...header,
    orders: { count: orders, ranks },
    trees: { ...trees, column: reader.shorts(nodes), operand: reader.shorts(nodes) },
  }
  reader.finish()
  checkShape(model)
  return model
}

function checkedBody(all: Buffer): Buffer {
  if (all.length < PREFIX_BYTES + DIGEST_BYTES || all.toString('latin1', 0, 8) !== MAGIC)
    throw new ModelFormatError('not a forest model: it does not begin as one')
  const format = all.readUInt16LE(8)
  if (format !== FORMAT)
    throw new ModelFormatError(`forest model: format ${format}, this release reads ${FORMAT}; train again`)
  const body = all.subarray(0, all.length - DIGEST_BYTES)
  const digest = createHash('sha256').update(body).digest()
  if (!digest.equals(all.subarray(all.length - DIGEST_BYTES)))
    throw new ModelFormatError('forest model: damaged, its checksum does not match')
  return body
}

function checkShape(model: ForestModel): void {
  const { features, categories, medians, usual, trees } = model
  const numbers = features.numeric.length + features.rates.length
  const fields = numbers + features.categorical.length
  if (medians.length !== numbers || trees.cuts.length !== numbers || usual.length !== fields)
    throw new ModelFormatError('forest model: its parts do not fit its fields')
  if (categories.length !== features.categorical.length)
    throw new ModelFormatError('forest model: its categories do not fit its fields')
  checkTrees(trees, columnCount(model))
}

/** Every tree must be a whole tree no deeper than said, every column one there is. */
function checkTrees({ depthMax, depthUnits, column, cuts, operand }: ForestTrees, columns: number): void {
  let at = 0
  const walk = (depth: number): void => {
    const id = column[at]
    const value = operand[at++] as number
    if (id === undefined || depth > depthMax) throw new ModelFormatError('forest model: a tree is not whole')
    if (id === LEAF) return
    const known = cuts[id]
    if (id >= columns || (known !== undefined && value >= known.length))
      throw new ModelFormatError('forest model: a node asks about a column or cut there is not')
    walk(depth + 1)
    walk(depth + 1)
  }
  for (let tree = 0; tree < depthUnits.length; tree++) walk(0)
  if (at !== column.length) throw new ModelFormatError('forest model: nodes are left over')
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ModelFormatError('forest model: header is no JSON', { cause })
  }
}

function bytesOf(array: Float64Array | Uint16Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength)
}

/** Copies arrays out of bytes of any alignment. */
class ArrayReader {
  readonly #bytes: Buffer
  #at: number

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes
    this.#at = at
  }

  floats(count: number): Float64Array {
    return new Float64Array(this.#take(count * 8))
  }

  shorts(count: number): Uint16Array {
    return new Uint16Array(this.#take(count * 2))
  }

  finish(): void {
    if (this.#at !== this.#bytes.length) throw new ModelFormatError('forest model: bytes are left over')
  }

  #take(bytes: number): ArrayBuffer {
    const end = this.#at + bytes
    if (end > this.#bytes.length) throw new ModelFormatError('forest model: cut short')
    const taken = new Uint8Array(this.#bytes.subarray(this.#at, end)).buffer
    this.#at = end
    return taken
  }
}
