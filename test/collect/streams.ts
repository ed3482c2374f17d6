import { z } from 'zod'
import { csv } from '../../lib/formats/csv.ts'
import { defineStream, type Stream } from '../../lib/stream/define.ts'

/** Records `number,word`: small enough to make by the thousand. */
export function wordStream(options: { keyed: boolean; partitions?: number }): Stream {
  return defineStream({
    name: options.keyed ? 'keyed-words' : 'words',
    title: 'Words',
    description: 'Numbered words',
    format: csv(),
    schema: z.object({ n: z.number().int(), word: z.string() }),
    ...(options.keyed && { key: ({ word }: { word: string }) => word }),
    views: {},
    partitions: options.partitions ?? 4,
  })
}

/** `count` lines of it, by default with 37 different words. */
export function words(count: number, from = 0): string {
  let text = ''
  for (let n = from; n < from + count; n++) text += `${n},word${(n * 7919) % 37}\n`
  return text
}

/** What is missing of `expected`, and what is there besides, in any order: short to read where thousands of lines differ. */
export function difference(values: readonly string[], expected: readonly string[]) {
  const count = new Map<string, number>()
  for (const value of expected) count.set(value, (count.get(value) ?? 0) + 1)
  for (const value of values) count.set(value, (count.get(value) ?? 0) - 1)
  const of = (sign: 1 | -1) => [...count].filter(([, n]) => n * sign > 0).map(([value]) => value)
  return { missing: of(1), besides: of(-1) }
}

export const NO_DIFFERENCE = { missing: [], besides: [] }
