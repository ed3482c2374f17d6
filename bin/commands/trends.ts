import { type Command, InvalidArgumentError } from 'commander'
import type { TrendSlide, TrendsAnswer } from '../../lib/serve/dashboard-messages.ts'
import { readSlides } from '../../lib/serve/trends/slides.ts'
import { trendingStreams } from '../../lib/serve/trends/trending-view.ts'
import { streams } from '../../streams/index.ts'
import { type CommonOptions, print, UsageError, withCommonOptions } from '../command.ts'
import { slideText } from '../slide-text.ts'
import { timeOption } from '../time.ts'
import { withData } from '../with-ports.ts'

interface TrendsCommandOptions extends CommonOptions {
  readonly at?: string
  readonly slides: number
}

const SLIDES_MAX = 1_000

export function register(program: Command): void {
  const command = program
    .command('trends')
    .description('What was used most in ten minutes, as weir dev closed it every ten seconds of event time.')
    .argument('<stream>', 'a stream with the view trending, e.g. posts')
    .option(
      '--at <time>',
      'the latest slide that ended by then: ISO 8601, ms, or 10m, 2h ago (default: the latest)',
    )
    .option('--slides <n>', 'so many slides up to it, oldest first', slideCount, 1)
  withCommonOptions(command).action(run)
}

async function run(stream: string, options: TrendsCommandOptions): Promise<void> {
  const trending = trendingStreams(streams.values())
  if (!trending.has(stream))
    throw new UsageError(
      `${JSON.stringify(stream)} is no stream with trends; there are: ${[...trending].join(', ')}`,
    )
  const atMs = timeOption('--at', options.at, Date.now())
  const range = { limit: options.slides, ...(atMs === undefined ? {} : { to: atMs + 1 }) }
  await withData(options, async ({ keyed }) => {
    const answer: TrendsAnswer = { stream, slides: await readSlides(keyed, stream, range) }
    print(options, answer, () => textOf(answer.slides, options.at))
  })
}

function textOf(slides: readonly TrendSlide[], at: string | undefined): string {
  if (slides.length > 0) return slides.map(slideText).join('\n\n')
  if (at !== undefined) return 'No slide ended by then, of those of the last two days.'
  return 'No slide has closed yet: weir dev closes them, 20 seconds of event time after their end.'
}

function slideCount(text: string): number {
  const n = Number(text)
  if (Number.isInteger(n) && n > 0 && n <= SLIDES_MAX) return n
  throw new InvalidArgumentError(`it is a whole number from 1 to ${SLIDES_MAX}`)
}
