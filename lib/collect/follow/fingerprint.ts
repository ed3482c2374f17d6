import { createHash } from 'node:crypto'
import type { Block } from '../block.ts'

/** By so many bytes at its start, and so many before the place that was read to, a file is known again. */
export const PRINT_BYTES = 1024

/** Some bytes of a file, by their hash: those before `end`. */
export interface Print {
  readonly end: number
  readonly bytes: number
  readonly sha256: string
}

/** What a file's content was as far as it was read. */
export interface Prints {
  readonly head: Print
  readonly tail: Print
}

/** The bytes of a file's content: `from` to before `to`, fewer at its end. */
export interface Content {
  bytes(from: number, to: number): Promise<Buffer>
}

export function printOf(bytes: Buffer, end: number): Print {
  return { end, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
}

export const NO_PRINTS: Prints = { head: printOf(Buffer.alloc(0), 0), tail: printOf(Buffer.alloc(0), 0) }

/** Of the last line of a block whose positions are bytes. */
export function printOfEnd(block: Block): Print | undefined {
  const last = block.kind === 'records' ? block.count - 1 : -1
  if (block.kind !== 'records' || block.positions === undefined || last < 0) return undefined
  const [start = 0, stop = 0] = block.bounds.subarray(2 * last, 2 * last + 2)
  const bytes = block.bytes.subarray(Math.max(0, stop - PRINT_BYTES), stop)
  return printOf(bytes, (block.positions[last] as number) + stop - start)
}

export async function headOf(content: Content, upTo: number): Promise<Print> {
  const bytes = await content.bytes(0, Math.min(PRINT_BYTES, upTo))
  return printOf(bytes, bytes.length)
}

export async function printsAt(content: Content, next: number): Promise<Prints> {
  const before = await content.bytes(Math.max(0, next - PRINT_BYTES), next)
  return { head: await headOf(content, next), tail: printOf(before, next) }
}

/** True where `content` is still what it was when it was read. */
export async function holds(content: Content, { head, tail }: Prints): Promise<boolean> {
  return (await has(content, head)) && (await has(content, tail))
}

async function has(content: Content, { end, bytes, sha256 }: Print): Promise<boolean> {
  return printOf(await content.bytes(end - bytes, end), end).sha256 === sha256
}
