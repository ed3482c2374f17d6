import type { ConditionalPut, Item, KeyedStore } from '../../ports/keyed-store.ts'
import { padded } from '../../state/padded.ts'
import type { TrendSlide, TrendsMessage } from '../dashboard-messages.ts'

/** What one slide takes in a frame, at most: a frame of 32 KB holds it with its envelope. */
const SLIDE_BYTES_MAX = 24 * 1024
const BURSTS_MAX = 20
const ENVELOPE_BYTES_MAX = 200
/** Slides that a client gets at once, at most: an hour's. */
export const SLIDES_SENT_MAX = 360
/** The cursor before the first slide. */
export const NONE = '0'

/** The slide as it is kept and sent: the last of `top` and `bursts` are left out where it would be too large. */
export function fittedSlide(slide: TrendSlide): TrendSlide {
  const bursts = [...slide.bursts].sort((a, b) => a.log10P - b.log10P).slice(0, BURSTS_MAX)
  let fitted: TrendSlide = bursts.length < slide.bursts.length ? { ...slide, bursts, cut: true } : slide
  while (Buffer.byteLength(JSON.stringify(fitted)) > SLIDE_BYTES_MAX) {
    const { top, bursts: some } = fitted
    const fewer = top.length >= some.length ? { top: top.slice(0, -1) } : { bursts: some.slice(0, -1) }
    fitted = { ...fitted, ...fewer, cut: true }
  }
  return fitted
}

/** The puts that keep slides until `expiresAtS`. */
export function slidePuts(
  stream: string,
  slides: readonly TrendSlide[],
  expiresAtS: number,
): readonly ConditionalPut[] {
  return slides.map((slide) => ({
    item: {
      pk: slidesKey(stream),
      sk: padded(slide.to),
      rev: '1',
      data: Buffer.from(JSON.stringify(slide)),
      expiresAtS,
    },
    condition: 'any',
  }))
}

/** Slides that ended in [from, to), oldest first; with `limit` the latest of them. */
export async function readSlides(
  keyed: KeyedStore,
  stream: string,
  { from = 0, to, limit }: { readonly from?: number; readonly to?: number; readonly limit: number },
): Promise<readonly TrendSlide[]> {
  const slides: TrendSlide[] = []
  const upTo = to === undefined ? {} : { to: padded(Math.max(0, to)) }
  const range = { from: padded(Math.max(0, from)), ...upTo, descending: true, limit }
  for await (const item of keyed.query(slidesKey(stream), range)) slides.push(slideOf(item))
  return slides.reverse()
}

/** Frames of slides in their order, each as large as one may be; where there are none, one that says `cursor`. */
export function* slideFrames(
  stream: string,
  from: string,
  slides: readonly TrendSlide[],
  frameBytesMax: number,
  cursor = from,
): Generator<string> {
  const room = frameBytesMax - ENVELOPE_BYTES_MAX
  let begins = from
  let some: string[] = []
  let bytes = 0
  for (const [i, slide] of slides.entries()) {
    const text = JSON.stringify(slide)
    const sizeBytes = Buffer.byteLength(text) + 1
    if (some.length > 0 && bytes + sizeBytes > room) {
      const reached = cursorOf(slides[i - 1])
      yield frame(stream, begins, reached, some)
      begins = reached
      some = []
      bytes = 0
    }
    some.push(text)
    bytes += sizeBytes
  }
  yield frame(stream, begins, some.length > 0 ? cursorOf(slides.at(-1)) : cursor, some)
}

export function cursorOf(slide: Pick<TrendSlide, 'to'> | undefined): string {
  return slide === undefined ? NONE : String(slide.to)
}

function frame(stream: string, from: string, cursor: string, slides: readonly string[]): string {
  const channel: TrendsMessage['channel'] = `trends/${stream}`
  const head = JSON.stringify({ channel, from, cursor })
  return `${head.slice(0, -1)},"slides":[${slides.join(',')}]}`
}

function slidesKey(stream: string): string {
  return `slides/${stream}`
}

function slideOf({ data }: Item): TrendSlide {
  return JSON.parse(Buffer.from(data).toString()) as TrendSlide
}
