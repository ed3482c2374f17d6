import type { Ports } from '../../ports/ports.ts'
import type { SubscriptionStore } from '../../state/subscriptions.ts'
import { cursorOf, NONE, readSlides, SLIDES_SENT_MAX, slideFrames } from './slides.ts'
import { TrendsStateStore } from './state.ts'

export interface TrendsPushed {
  /** Connections that listen. */
  readonly listening: number
  readonly frames: number
}

const SENDS_AT_ONCE = 50
const SK = 'pushed'

/**
 * Sends the slides that closed since the last push to everyone who listens to `trends/<stream>`. How far it has come is
 * written down after it: a push that dies is made again. A connection that a frame does not reach finds out by `from` of
 * the next one; so does everyone where more slides closed than are sent at once, as the latest are sent and `from` is the
 * end of the last one that is not.
 */
export async function pushSlides(
  ports: Pick<Ports, 'keyed' | 'objects' | 'clock' | 'publisher'>,
  stream: string,
  subscriptions: SubscriptionStore,
): Promise<TrendsPushed> {
  const { keyed, publisher } = ports
  const pk = `trends/${stream}`
  const clients: string[] = []
  for await (const { connectionId } of subscriptions.of(`trends/${stream}`)) clients.push(connectionId)
  const { lastTo } = (await new TrendsStateStore(ports, stream).head()).head
  const pushed = await keyed.get(pk, SK)
  const from = pushed?.rev ?? NONE
  if (lastTo === undefined || lastTo <= Number(from)) return { listening: clients.length, frames: 0 }
  let frames: readonly string[] = []
  if (clients.length > 0) {
    const range = { from: Number(from) + 1, to: lastTo + 1, limit: SLIDES_SENT_MAX + 1 }
    const found = await readSlides(keyed, stream, range)
    const slides = found.slice(-SLIDES_SENT_MAX)
    const follows = found.length > slides.length ? cursorOf(found[0]) : from
    if (slides.length > 0) frames = [...slideFrames(stream, follows, slides, publisher.maxFrameBytes)]
  }
  for (let i = 0; i < clients.length; i += SENDS_AT_ONCE)
    await Promise.all(
      clients.slice(i, i + SENDS_AT_ONCE).map((id) => sendAll(publisher, subscriptions, id, frames)),
    )
  const item = { pk, sk: SK, rev: String(lastTo), data: new Uint8Array(0) }
  // Where another one has been here meanwhile its mark stands.
  await keyed.put(item, pushed === undefined ? 'absent' : { rev: pushed.rev })
  return { listening: clients.length, frames: clients.length * frames.length }
}

async function sendAll(
  publisher: Ports['publisher'],
  subscriptions: SubscriptionStore,
  connectionId: string,
  frames: readonly string[],
): Promise<void> {
  try {
    for (const frame of frames)
      if ((await publisher.send(connectionId, frame)) === 'gone')
        return await subscriptions.forget(connectionId)
  } catch (error) {
    const { message, name } = error instanceof Error ? error : new Error(String(error))
    console.error(
      JSON.stringify({
        level: 'error',
        stage: 'push',
        channel: 'trends',
        connectionId,
        error: name,
        message,
      }),
    )
  }
}
