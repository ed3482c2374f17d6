import { seededRandom } from '../stream/random.ts'
import { Draw } from './demo-connection.ts'
import type { DemoRecord, DemoStreamOptions } from './demo-record.ts'

const RATE_PER_S = 2
/** While a tag bursts, so many more posts come, with it. */
const BURST_RATE_PER_S = 3
const BURST_MS = 45_000
const CALM_MS = { from: 60_000, to: 150_000 }

/** Used ever less often, as tags are: the nth a little more than 1/n as often as the first. */
const TAGS = [
  'news music football cooking travel photography coffee gardening weather books running cinema science cycling',
  'politics painting cats dogs startups jazz theatre history poetry hiking chess astronomy recipes opera knitting',
  'tennis birds sailing robotics pottery maps trains volcano beekeeping origami comics köln 東京 réseau mañana',
]
  .join(' ')
  .split(' ')
  .map((tag, i) => ({ tag, weight: 1 / (i + 1.6) ** 0.9 }))

/** What bursts, and what people write then. */
const EVENTS = ['goal', 'earthquake', 'finale', 'powercut', 'election', 'rainbow', 'encore', 'snow'] as const

const WORDS =
  'today again just really the a this what when good great late morning evening street we they saw heard made think about never always best first last with for and so'.split(
    ' ',
  )

/** Short posts with hashtags of which some burst now and then. */
export function* demoPosts({ seed, startMs, pastMs = 0 }: DemoStreamOptions): Generator<DemoRecord, never> {
  const draw = new Draw(seededRandom(seed))
  let burst = burstAfter(draw, -pastMs)
  for (let atMs = -pastMs, number = 1; ; number++) {
    const bursting = atMs >= burst.fromMs
    if (atMs >= burst.fromMs + BURST_MS) burst = burstAfter(draw, atMs)
    const event = bursting && draw.chance(BURST_RATE_PER_S / (BURST_RATE_PER_S + RATE_PER_S))
    const post = {
      username: `user${draw.size(60, 1.4) + 1}`,
      timestamp: new Date(startMs + atMs).toISOString(),
      tweetid: String(10_000_000 + number),
      tweet: textOf(draw, event ? burst.tag : undefined),
    }
    yield { line: JSON.stringify(post), atMs }
    atMs += draw.gapMs(RATE_PER_S + (bursting ? BURST_RATE_PER_S : 0))
  }
}

function burstAfter(draw: Draw, atMs: number): { readonly fromMs: number; readonly tag: string } {
  return { fromMs: atMs + draw.between(CALM_MS.from, CALM_MS.to), tag: draw.of(EVENTS) }
}

function textOf(draw: Draw, event: string | undefined): string {
  const words = Array.from({ length: draw.between(3, 9) }, () => draw.of(WORDS))
  const tags = Array.from({ length: draw.between(0, 2) }, () => draw.weighted(TAGS).tag)
  const all = [...new Set(event === undefined ? tags : [event, ...tags])]
  return [...words, ...all.map((tag) => `#${tag}`)].join(' ')
}
