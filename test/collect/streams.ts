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
