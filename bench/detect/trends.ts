/**
 * How fast trends are found, how soon bursts are, how many are false, and what it takes to put all of it away and go on.
 *
 *     node bench/detect/trends.ts [tags] [hours]      default 1000000 tags, 2 hours of 4,000 uses a second
 *
 * Tags are used as Zipf has it (exponent 1), each a Poisson process. From the second hour on, every two minutes a
 * tag of another rank begins a burst of two minutes. Only `add` and `closeTo` are timed; texts of tags are made anew for each
 * use, as a parser makes them.
 */
import { cpus } from 'node:os'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { Trends, type TrendsState } from '../../lib/detect/trends.ts'
import { type Random, seededRandom } from '../../lib/stream/random.ts'

const TAGS = Number(process.argv[2] ?? 1_000_000)
const HOURS = Number(process.argv[3] ?? 2)
const USES_PER_SLOT = 40_000
const SLOT_MS = 10_000
const SLOTS_PER_HOUR = 360
const BURST_SLOTS = 12
/** Uses a slot that a burst adds: so many times the tag's own, and so many at least. */
const BURST_TIMES = 5
const BURST_MIN = 15

const random = seededRandom(1)
const draw = zipf(TAGS, random)
const trends = new Trends()
const starts = new Map<number, number>()
let falseBursts = 0
const delays: number[] = []
let injected = 0
let timedMs = 0
let uses = 0
let slowestMs = 0

for (let slot = 0; slot < HOURS * SLOTS_PER_HOUR; slot++) {
  const texts = Array.from({ length: USES_PER_SLOT }, () => textOf(draw()))
  if (slot >= SLOTS_PER_HOUR && slot % BURST_SLOTS === 0) {
    starts.set((10 ** (1 + random() * 5)) | 0, slot)
    injected++
  }
  for (const [rank, from] of starts)
    if (slot < from + BURST_SLOTS) for (let n = burstUses(rank); n > 0; n--) texts.push(textOf(rank))
  measure(slot, texts)
}

function measure(slot: number, texts: readonly string[]): void {
  const timeMs = slot * SLOT_MS
  const startedMs = performance.now()
  for (let i = 0; i < texts.length; i++) trends.add(texts[i] as string, timeMs)
  const closingMs = performance.now()
  const slides = trends.closeTo(timeMs + SLOT_MS)
  const endedMs = performance.now()
  if (slot > 0) {
    timedMs += endedMs - startedMs
    uses += texts.length
    slowestMs = Math.max(slowestMs, endedMs - closingMs)
  }
  for (const { key } of slides.flatMap(({ bursts }) => bursts)) {
    const from = starts.get(Number(key.slice(4)))
    if (from === undefined || slot >= from + BURST_SLOTS) falseBursts++
    else delays.push(slot - from + 1)
  }
}

const within = (slides: number) => delays.filter((delay) => delay <= slides).length
console.log(`machine   ${cpus().length} x ${cpus()[0]?.model.trim()}, node ${process.version}`)
console.log(
  `tags      ${TAGS.toLocaleString('en-US')} of Zipf, ${trends.keys.toLocaleString('en-US')} held at the end`,
)
console.log(
  `uses      ${uses.toLocaleString('en-US')} in ${(timedMs / 1000).toFixed(2)} s: ${((uses / timedMs) * 1000).toFixed(0)} a second, slides among it`,
)
console.log(`slide     ${slowestMs.toFixed(1)} ms at most`)
console.log(
  `memory    ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB resident, the generator's among it`,
)
console.log(
  `bursts    ${injected} injected (${BURST_TIMES} times as usual, ${BURST_MIN} uses a slot at least); told within 1 slide ${within(1)}, 2 slides ${within(2)}, at all ${delays.length}`,
)
console.log(
  `          ${((100 * within(2)) / injected).toFixed(1)} % within 2 slides, at least 95 % are asked for`,
)
console.log(
  `false     ${falseBursts} in ${HOURS} hours: ${(falseBursts / HOURS).toFixed(2)} an hour, at most 1 is asked for`,
)

const cpuMs = () => process.cpuUsage().user / 1000
const packingMs = cpuMs()
const packed = zstdCompressSync(JSON.stringify(trends.toState()))
const packedMs = cpuMs()
Trends.fromState(JSON.parse(zstdDecompressSync(packed).toString()) as TrendsState)
console.log(
  `state     ${(packed.length / 2 ** 20).toFixed(1)} MiB, put away in ${(packedMs - packingMs).toFixed(0)} ms of CPU, taken up in ${(cpuMs() - packedMs).toFixed(0)} ms`,
)

function burstUses(rank: number): number {
  const usual = USES_PER_SLOT / ((rank + 1) * Math.log(TAGS))
  return Math.round(Math.max(BURST_MIN, BURST_TIMES * usual))
}

/** A text that no one has hashed yet. */
function textOf(rank: number): string {
  return Buffer.from(`tag ${rank}`).toString('latin1')
}

/** Ranks from 0, drawn by inverting the distribution of 1 / rank. */
function zipf(count: number, from: Random): () => number {
  const sums = new Float64Array(count)
  let sum = 0
  for (let i = 0; i < count; i++) sums[i] = sum += 1 / (i + 1)
  return () => {
    const wanted = from() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((sums[middle] as number) < wanted) low = middle + 1
      else high = middle
    }
    return low
  }
}
