import type { Ports } from '../../ports/ports.ts'
import { cursorOf, NONE, readSlides, SLIDES_SENT_MAX, slideFrames } from './slides.ts'

/**
 * The frames that answer a subscription to `trends/<stream>`: without `since` the latest slide, else those after it. One
 * without slides says that there are none. Undefined where `since` is no cursor of trends.
 */
export async function beginningFrames(
  { keyed, publisher }: Pick<Ports, 'keyed' | 'publisher'>,
  stream: string,
  since: string | undefined,
): Promise<readonly string[] | undefined> {
  const bytesMax = publisher.maxFrameBytes
  const latest = await readSlides(keyed, stream, { limit: 1 })
  if (since === undefined) return [...slideFrames(stream, NONE, latest, bytesMax)]
  const at = since === 'start' ? 0 : Number(since)
  if (!Number.isSafeInteger(at)) return undefined
  // Slides go back where the client knew another store than this one: it goes on with what there is here.
  const [last] = latest
  const end = Number(cursorOf(last))
  if (at > end || end === 0) return [...slideFrames(stream, since, latest, bytesMax, NONE)]
  const slides = await readSlides(keyed, stream, { from: at + 1, limit: SLIDES_SENT_MAX })
  return [...slideFrames(stream, since, slides, bytesMax)]
}
