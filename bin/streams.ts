import type { Stream } from '../lib/stream/define.ts'
import { streams } from '../streams/index.ts'
import { UsageError } from './command.ts'

/** The stream of that name. Throws a UsageError that lists those there are. */
export function requireStream(name: string): Stream {
  const stream = streams.get(name)
  if (stream !== undefined) return stream
  throw new UsageError(
    `there is no stream ${JSON.stringify(name)}; there are: ${[...streams.keys()].join(', ')}`,
  )
}

/** Throws a UsageError where a format is named that the stream does not read. */
export function requireFormat(stream: Stream, format: string | undefined): void {
  const read = stream.format.split('-or-')
  if (format === undefined || read.includes(format)) return
  throw new UsageError(`the ${stream.name} stream reads ${read.join(' and ')}, not ${format}`)
}
