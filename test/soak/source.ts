import { createWriteStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { seededRandom } from '../../lib/stream/random.ts'

const USERS = 500
const TAGS = 1_000
/** One in so many records happened up to ten minutes before it was sent. */
const LATE_EVERY = 500

/** Writes `records` records as JSON lines, with ids from `firstId` on. The seed decides all but the time. */
export async function writeSource(
  path: string,
  records: number,
  firstId: number,
  seed: number,
  nowMs: number,
): Promise<void> {
  const random = seededRandom(seed)
  const below = (n: number) => Math.floor(random() * n)
  const file = createWriteStream(path)
  for (let i = 0; i < records; i++) {
    const tags = Array.from({ length: below(4) }, () => `"t${below(below(TAGS) + 1)}"`)
    const late = i % LATE_EVERY === 0 ? below(600_000) : 0
    const amount = (below(100_000) / 100).toFixed(2)
    const line = `{"id":${firstId + i},"user":"u${below(below(USERS) + 1)}","tags":[${tags}],"amount":${amount},"latency":${below(5_000)},"ok":${below(10) > 0},"at":${nowMs - late}}\n`
    if (!file.write(line)) await new Promise<void>((resolve) => file.once('drain', () => resolve()))
  }
  file.end()
  await finished(file)
}
