import { describe, expect, it } from 'vitest'
import type { KeyedStore } from '../../../lib/ports/keyed-store.ts'
import type { ObjectStore } from '../../../lib/ports/object-store.ts'
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

describe('slides that are closed by time', () => {
  it.each([1, 2, 3, 4])(
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
      for (const what of [
        ({ late }: { late: number }) => late > 0,
        ({ provisional }: { provisional: boolean }) => provisional,
        ({ provisional }: { provisional: boolean }) => !provisional,
      ])
        expect(slides.some(what as (slide: unknown) => boolean)).toBe(true)
    },
  )
})
