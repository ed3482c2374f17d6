import { describe, expect, it } from 'vitest'
import type { KeyedStore } from '../../../lib/ports/keyed-store.ts'
import type { ObjectStore } from '../../../lib/ports/object-store.ts'
import type { TrendSlide } from '../../../lib/serve/dashboard-messages.ts'
import { readSlides } from '../../../lib/serve/trends/slides.ts'
import { Schedule, scheduled, seeded } from '../../support/schedule.ts'
import { TrendsOracle } from './trends-oracle.ts'
import { PARTITIONS, type Post, TrendsWorld } from './trends-world.ts'

type Manner = 'warm' | 'cold' | 'two' | 'faulty'

const LOOKS = 220
const NEVER_MS = Number.POSITIVE_INFINITY

/** Looks at random times, at random posts, each in a manner of its own. */
class Run {
  readonly world = new TrendsWorld()
  readonly oracle = new TrendsOracle()
  readonly manners = new Map<Manner, number>()
  readonly #random: () => number
  readonly #seed: number
  #warm = this.world.closer()

  constructor(seed: number) {
    this.#seed = seed
    this.#random = seeded(seed)
  }

  async go(): Promise<this> {
    let quiet = -1
    for (let look = 0; look < LOOKS; look++) {
      this.world.clock.ms += this.#pause()
      if (look % 20 === 0) quiet = this.#below(PARTITIONS + 1)
      for (let partition = 0; partition < PARTITIONS; partition++)
        if (partition !== quiet && this.#random() < 0.8) await this.#posts(partition, look)
      await this.#look(look)
      this.oracle.look(this.world.clock.ms)
    }
    return this
  }

  async #posts(partition: number, look: number): Promise<void> {
    const { world, oracle } = this
    const batch = Array.from({ length: 1 + this.#below(4) }, () => this.#post())
    // A tag that nobody used bursts: thirty uses.
    if (look % 50 === 40 && partition === 0)
      batch.push({ eventTimeMs: world.clock.ms, tags: Array.from({ length: 30 }, () => `boom${look}`) })
    await world.count(partition, batch)
    oracle.count(partition, batch, world.clock.ms)
  }

  #post(): Post {
    const dice = this.#random()
    const lateMs =
      dice < 0.1 ? this.#below(700_000) : dice < 0.13 ? -this.#below(100_000) : this.#below(15_000)
    const tags = Array.from({ length: this.#below(4) }, () => `tag${this.#below(25)}`)
    return { eventTimeMs: this.world.clock.ms - lateMs, tags, dead: this.#random() < 0.05 }
  }

  #pause(): number {
    const dice = this.#random()
    if (dice < 0.03) return 61_000 + this.#below(60_000)
    if (dice < 0.04) return 1_300_000
    return dice < 0.06 ? 200_000 : this.#below(12_000)
  }

  async #look(look: number): Promise<void> {
    const { world } = this
    const manner = (['warm', 'warm', 'cold', 'two', 'faulty'] as const)[this.#below(5)] ?? 'warm'
    this.manners.set(manner, (this.manners.get(manner) ?? 0) + 1)
    if (manner === 'cold') this.#warm = world.closer()
    if (manner === 'two') await Promise.all([this.#warm.close(NEVER_MS), world.closer().close(NEVER_MS)])
    if (manner === 'faulty') await this.#faulty(look)
    await this.#warm.close(NEVER_MS)
  }

  /** Two functions on stores whose calls fail, lose their answers or take place late, until both are through. */
  async #faulty(look: number): Promise<void> {
    const schedule = new Schedule(this.#seed * 1_000 + look, { fail: 0.06, lose: 0.06, late: 0.06 })
    const keyed = scheduled<KeyedStore>(this.world.keyed, ['get', 'put', 'transact'], schedule)
    const objects = scheduled<ObjectStore>(this.world.objects, ['get', 'put', 'delete'], schedule)
    const one = async () => {
      for (;;) {
        const closer = this.world.closer({ keyed, objects })
        try {
          return await closer.close(NEVER_MS)
        } catch {
          await schedule.landLate()
        }
      }
    }
    await Promise.all([one(), one()])
    for (let i = 0; i < 20; i++) await schedule.landLate().catch(() => undefined)
  }

  #below(n: number): number {
    return Math.floor(this.#random() * n)
  }
}

function statesOf({ objects }: TrendsWorld): readonly string[] {
  return [...objects.held.keys()].filter((key) => key.startsWith('trends/'))
}

/** So many tags that they are no item's any more. */
function large(prefix: string): readonly string[] {
  const random = seeded(7)
  return Array.from(
    { length: 1_000 },
    () =>
      `${prefix}${Math.floor(random() * 2 ** 32).toString(36)}${Math.floor(random() * 2 ** 32).toString(36)}`,
  )
}

async function stored(world: TrendsWorld): Promise<readonly TrendSlide[]> {
  return readSlides(world.keyed, 'posts', { limit: 10_000 })
}

describe('slides that are closed by time', () => {
  it('wait for every partition of a stream that wakes up, though one is far ahead of the others', async () => {
    const world = new TrendsWorld()
    const day = world.clock.ms - 86_400_000
    const old = (partition: number, minutes: number) =>
      world.count(
        partition,
        Array.from({ length: 6 * minutes }, (_, i) => ({ eventTimeMs: day + i * 10_000, tags: ['a'] })),
      )
    // A replay, as count takes it: one partition after the other, each to its end.
    for (const partition of [0, 1, 2]) {
      await old(partition, 30)
      world.clock.ms += 2_000
      await world.closer().close(NEVER_MS)
    }
    const first = await stored(world)
    expect(first.map(({ to }) => to).at(-1)).toBe(Math.floor((day + 1_790_000 - 20_000) / 10_000) * 10_000)
    expect(first.map(({ uses }) => uses).slice(0, 3)).toEqual([3, 6, 9])
    expect(first.every(({ provisional, late }) => !provisional && late === 0)).toBe(true)
    // Asleep, then another one, from another day.
    world.clock.ms += 3_600_000
    await world.closer().close(NEVER_MS)
    for (const partition of [2, 1, 0]) {
      const posts = Array.from({ length: 90 }, (_, i) => ({
        eventTimeMs: day + 43_200_000 + i * 10_000,
        tags: ['b'],
      }))
      await world.count(partition, posts)
      world.clock.ms += 2_000
      await world.closer().close(NEVER_MS)
    }
    const second = (await stored(world)).filter(({ to }) => to > day + 43_200_000)
    expect(second.map(({ uses }) => uses).slice(0, 3)).toEqual([3, 6, 9])
  })

  it('close nothing by the word of a record from the future, nor of one that cannot be read', async () => {
    const world = new TrendsWorld()
    const { ms } = world.clock
    const closer = world.closer()
    for (const partition of [0, 1, 2])
      await world.count(partition, [
        { eventTimeMs: ms + 86_400_000, tags: ['future'] },
        { eventTimeMs: ms - 60_000, tags: ['now'] },
        { eventTimeMs: ms + 1e9, tags: [], dead: true },
      ])
    await closer.close(NEVER_MS)
    const slides = await stored(world)
    expect(slides.at(-1)?.to).toBe(Math.floor((ms - 20_000) / 10_000) * 10_000)
    expect(slides.at(-1)?.top).toEqual([{ key: 'now', count: 3 }])
  })

  it('know their own success when the store answers it twice', async () => {
    const world = new TrendsWorld()
    for (const partition of [0, 1, 2])
      await world.count(partition, [
        { eventTimeMs: world.clock.ms - 60_000, tags: large('a') },
        { eventTimeMs: world.clock.ms, tags: [] },
      ])
    let repeated = 0
    const transact: KeyedStore['transact'] = async (puts) => {
      await world.keyed.transact(puts)
      repeated++
      return world.keyed.transact(puts)
    }
    const keyed = new Proxy<KeyedStore>(world.keyed, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        return name === 'transact' ? transact : typeof member === 'function' ? member.bind(target) : member
      },
    })
    expect((await world.closer({ keyed }).close(NEVER_MS)).slides).toBeGreaterThan(0)
    expect(repeated).toBe(1)
    // What it wrote is there and whole: another goes on from it.
    expect(statesOf(world)).toHaveLength(1)
    for (const partition of [0, 1, 2])
      await world.count(partition, [{ eventTimeMs: world.clock.ms, tags: ['b'] }])
    world.clock.ms += 20_000
    for (const partition of [0, 1, 2])
      await world.count(partition, [{ eventTimeMs: world.clock.ms, tags: [] }])
    await world.closer().close(NEVER_MS)
    expect((await stored(world)).at(-1)?.uses).toBe(3 * large('a').length)
  })

  it('keep a large state in an object, one at a time, and sweep those of functions that died', async () => {
    const world = new TrendsWorld()
    const orphan = `trends/posts/${'0'.repeat(16)}-orphan`
    await world.objects.put(orphan, new Uint8Array(1))
    for (let slot = 0; slot < 6; slot++) {
      for (const partition of [0, 1, 2])
        await world.count(partition, [{ eventTimeMs: world.clock.ms, tags: large(`s${slot}p${partition}`) }])
      await world.closer().close(NEVER_MS)
      world.clock.ms += 10_000
    }
    expect(statesOf(world)).toHaveLength(1)
    expect(statesOf(world)).not.toContain(orphan)
    const top = (await stored(world)).at(-1)
    expect(top?.uses).toBe(3 * 3 * large('').length)
  })

  it.each([1, 2, 3])(
    'are those of a count from scratch, however late records are and whoever closes them (seed %i)',
    async (seed) => {
      const { world, oracle, manners } = await new Run(seed).go()
      const slides = await readSlides(world.keyed, 'posts', { limit: 10_000 })
      expect(slides.length).toBeGreaterThan(0)
      for (const [i, slide] of slides.entries()) expect(slide, `slide ${i}`).toEqual(oracle.slides[i])
      expect(slides).toHaveLength(oracle.slides.length)
      const told = oracle.slides.flatMap(({ to, bursts }) => bursts.map(({ key }) => [key, to - 1]))
      expect((await world.alerts()).map(({ group, lastSeenMs }) => [group, lastSeenMs])).toEqual(told)
      expect([...manners.keys()].sort()).toEqual(['cold', 'faulty', 'two', 'warm'])
      // What the schedule is for has happened.
      expect(told.length).toBeGreaterThan(0)
      expect(slides.some(({ late }) => late > 0)).toBe(true)
      expect(new Set(slides.map(({ provisional }) => provisional)).size).toBe(2)
    },
  )
})
