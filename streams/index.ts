import type { Stream } from '../lib/stream/define.ts'
import { checkHistories } from '../lib/stream/history.ts'
import { logs } from './logs.ts'
import { network } from './network.ts'
import { nids } from './nids.ts'
import { orders } from './orders.ts'
import { posts } from './posts.ts'

/** Every stream of this deployment, by name: one file and one line each. */
export const streams: ReadonlyMap<string, Stream> = new Map(
  [
    network, //
    nids,
    logs,
    posts,
    orders,
  ].map((stream) => [stream.name, stream]),
)

checkHistories(streams)

/** The stream of that name. Throws an Error that lists those there are. */
export function streamNamed(name: string | undefined): Stream {
  const stream = name === undefined ? undefined : streams.get(name)
  if (stream !== undefined) return stream
  const known = [...streams.keys()].join(', ')
  throw new Error(
    `there is no stream ${name === undefined ? '(none named)' : JSON.stringify(name)}; there are: ${known}`,
  )
}
