import type { Clock } from '../ports/clock.ts'
import type { Framing } from '../stream/format.ts'
import { followInput } from './follow/follow-input.ts'
import type { OnRollover } from './follow/rollover.ts'
import type { StartAt } from './follow/start-at.ts'
import type { LiveInput } from './live-input.ts'
import { SourceError } from './source-error.ts'
import { absoluteSources, isUrl } from './sources.ts'
import { syslogInput } from './syslog/syslog-input.ts'
import { webSocketInput } from './web-socket/web-socket-input.ts'

export interface InputOptions {
  readonly clock: Clock
  /** Files are followed. */
  readonly follow?: boolean
  /** Files that are there at the first start are followed from their end. */
  readonly fromEnd?: boolean
  /** At the first start: the file to begin with, and the byte in it; files before it by name are left out. */
  readonly startAt?: StartAt
  /** Called once for each followed unified2 spool that is finished. */
  readonly onRollover?: OnRollover
  /** How files are cut into records. Default `lines`. */
  readonly framing?: Framing
  /** Of a WebSocket source: the field of each message, and of the query string, that says where to go on. */
  readonly cursor?: string
}

/**
 * The live inputs that arguments name, each of them one and all files together; undefined where all of them have an end.
 * Throws a SourceError for what cannot be had side by side.
 */
export function liveInputs(args: readonly string[], options: InputOptions): readonly LiveInput[] | undefined {
  const urls = args.filter(isUrl)
  const files = absoluteSources(args.filter((arg) => !isUrl(arg)))
  if (options.follow !== true && urls.length === 0) return undefined
  if (files.includes('-'))
    throw new SourceError('-: standard input has an end: leave out --follow, or - itself')
  if (options.follow !== true && files.length > 0)
    throw new SourceError(
      `${files[0]}: with a source that goes on for ever, files are followed too: add --follow`,
    )
  const follow = files.length === 0 ? [] : [followInput({ ...options, paths: files })]
  return [...follow, ...urls.map((url) => inputOf(url, options))]
}

function inputOf(text: string, { clock, cursor }: InputOptions): LiveInput {
  const url = new URL(text)
  if (url.protocol === 'syslog+udp:' || url.protocol === 'syslog+tcp:') return syslogInput(url)
  if (url.protocol === 'ws:' || url.protocol === 'wss:')
    return webSocketInput({ url, clock, ...(cursor !== undefined && { cursor }) })
  throw new SourceError(
    `${text}: not a source. There are syslog+udp://HOST:PORT, syslog+tcp://HOST:PORT, ws:// and wss://`,
  )
}
