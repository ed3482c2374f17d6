/** Numbers in [0, 1) that a seed decides: mulberry32. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** The process was killed: nothing after this happens in it. */
export class Killed extends Error {
  override readonly name = 'Killed'
}

export interface Faults {
  /** Chance that a call fails without effect. */
  readonly fail: number
  /** Chance that a call takes effect and its answer is lost. */
  readonly lose: number
  /** Chance that a call takes effect only later, after its caller has given up. */
  readonly late: number
}

/** Lets calls of several invocations take place in an order that a seed decides, with faults. */
export class Schedule {
  readonly random: () => number
  readonly #faults: Faults
  readonly #late: (() => Promise<unknown>)[] = []

  constructor(seed: number, faults: Faults) {
    this.random = seeded(seed)
    this.#faults = faults
  }

  /** A few turns of the event loop, so that other invocations get between. */
  async turn(): Promise<void> {
    for (let i = Math.floor(this.random() * 4); i > 0; i--)
      await new Promise((resolve) => setImmediate(resolve))
  }

  /** Performs a call of the world outside. */
  async call<T>(perform: () => Promise<T>): Promise<T> {
    await this.turn()
    const { fail, lose, late } = this.#faults
    const dice = this.random()
    if (dice < fail) throw new Error('failed before it had any effect')
    if (dice < fail + late) {
      this.#late.push(perform)
      throw new Error('timed out, and takes effect later')
    }
    const result = await perform()
    await this.turn()
    if (dice < fail + late + lose) throw new Error('took effect, but the answer was lost')
    return result
  }

  /** One of the calls that were given up takes effect now, in the order they were made. */
  async landLate(): Promise<void> {
    await this.#late.shift()?.()
  }
}

/** `target` with the listed methods going through the schedule. */
export function scheduled<T extends object>(target: T, methods: readonly (keyof T)[], schedule: Schedule): T {
  return new Proxy(target, {
    get(object, name) {
      const member: unknown = Reflect.get(object, name, object)
      if (typeof member !== 'function') return member
      const bound = member.bind(object) as (...args: unknown[]) => Promise<unknown>
      return methods.includes(name as keyof T)
        ? (...args: unknown[]) => schedule.call(() => bound(...args))
        : bound
    },
  })
}
