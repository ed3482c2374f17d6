import type { Clock } from '../../lib/ports/clock.ts'
import type {
  Condition,
  ConditionalPut,
  Item,
  KeyedStore,
  PutResult,
  QueryRange,
} from '../../lib/ports/keyed-store.ts'
import type { ObjectInfo, ObjectStore, StoredObject } from '../../lib/ports/object-store.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import type { Publisher } from '../../lib/ports/publisher.ts'

/**
 * A world with one seeded order of events: whoever waits at a port goes on when the die says so, and time passes only
 * when nobody else can move. Every await of the code under test is thus a place where others come in between.
 */
export class Sim implements Clock {
  #nowMs = 1_700_000_000_000
  readonly #ready: (() => void)[] = []
  readonly #sleeping: { readonly atMs: number; readonly wake: () => void }[] = []
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = mulberry32(seed)
  }

  nowMs(): number {
    return this.#nowMs
  }

  random(): number {
    return this.#random()
  }

  below(n: number): number {
    return Math.floor(this.#random() * n)
  }

  pause(): Promise<void> {
    return new Promise((resolve) => this.#ready.push(resolve))
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const sleeper = { atMs: this.#nowMs + ms, wake: resolve }
      this.#sleeping.push(sleeper)
      signal?.addEventListener('abort', () => {
        const at = this.#sleeping.indexOf(sleeper)
        if (at >= 0) this.#sleeping.splice(at, 1)
        reject(new Error('aborted'))
      })
    })
  }

  /** Lets the world run until `done` has resolved. */
  async run<T>(done: Promise<T>): Promise<T> {
    const state = { over: false }
    const end = () => {
      state.over = true
    }
    done.then(end, end)
    for (let idle = 0; !state.over; ) {
      await new Promise((resolve) => setImmediate(resolve))
      if (state.over) break
      idle = this.#step() ? 0 : idle + 1
      if (idle > 50) throw new Error('nobody in the simulation can move')
    }
    return done
  }

  #step(): boolean {
    const [next] = this.#ready.splice(this.below(this.#ready.length), this.#ready.length > 0 ? 1 : 0)
    if (next !== undefined) {
      next()
      return true
    }
    this.#sleeping.sort((a, b) => a.atMs - b.atMs)
    const sleeper = this.#sleeping.shift()
    if (sleeper === undefined) return false
    this.#nowMs = Math.max(this.#nowMs, sleeper.atMs)
    sleeper.wake()
    return true
  }
}

function mulberry32(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** What every process of a simulated site shares. */
export class World {
  readonly items = new Map<string, Map<string, Item>>()
  readonly objects = new Map<string, Uint8Array>()
  readonly clients = new Map<string, (frame: string) => Promise<void> | void>()
  readonly sim: Sim

  constructor(sim: Sim) {
    this.sim = sim
  }

  /** The ports of one process. `fault` is asked at every await, before and after the effect. */
  ports(fault: (when: 'before' | 'after') => void | Promise<void> = () => undefined): Ports {
    const step = async <T>(effect: () => T): Promise<T> => {
      await this.sim.pause()
      await fault('before')
      const result = await effect()
      await fault('after')
      return result
    }
    return {
      site: 'sim',
      epochMs: 60_000,
      log: undefined as unknown as Ports['log'],
      keyed: keyedStore(this, step),
      objects: objectStore(this, step),
      publisher: publisher(this, step),
      metrics: { record: () => undefined },
      clock: this.sim,
      close: async () => undefined,
    }
  }
}

type Step = <T>(effect: () => T) => Promise<Awaited<T>>

function keyedStore(world: World, step: (effect: () => unknown) => Promise<unknown>): KeyedStore {
  const run = step as Step
  const at = (pk: string) => {
    const items = world.items.get(pk) ?? new Map<string, Item>()
    world.items.set(pk, items)
    return items
  }
  const current = (pk: string, sk: string) => at(pk).get(sk)
  const holds = (pk: string, sk: string, condition: Condition) => {
    const item = current(pk, sk)
    if (condition === 'any') return true
    return condition === 'absent' ? item === undefined : item?.rev === condition.rev
  }
  return {
    maxItemBytes: 390_000,
    get: (pk, sk) => run(() => current(pk, sk)),
    put: (item, condition) =>
      run((): PutResult => {
        if (!holds(item.pk, item.sk, condition)) return { ok: false, current: current(item.pk, item.sk) }
        at(item.pk).set(item.sk, item)
        return { ok: true }
      }),
    transact: (puts: readonly ConditionalPut[]) =>
      run(() => {
        const failed = puts.flatMap(({ item, condition }, i) =>
          holds(item.pk, item.sk, condition) ? [] : [i],
        )
        if (failed.length > 0) return { ok: false as const, failed }
        for (const { item } of puts) at(item.pk).set(item.sk, item)
        return { ok: true as const }
      }),
    async *query(pk: string, { from = '', to, descending, limit = Infinity }: QueryRange = {}) {
      // One read an item: what comes in between may be seen or not, as in a query over several reads.
      let after: string | undefined
      for (let n = 0; n < limit; n++) {
        const found = await run(() => {
          const keys = [...at(pk).keys()].filter((sk) => sk >= from && (to === undefined || sk < to)).sort()
          if (descending) keys.reverse()
          const key = keys.find((sk) => after === undefined || (descending ? sk < after : sk > after))
          return key === undefined ? undefined : current(pk, key)
        })
        if (found === undefined) return
        after = found.sk
        yield found
      }
    },
    delete: (pk, sk, condition) =>
      run(() => {
        if (current(pk, sk) === undefined) return true
        return holds(pk, sk, condition) && at(pk).delete(sk)
      }),
    close: async () => undefined,
  }
}

function objectStore({ objects }: World, step: (effect: () => unknown) => Promise<unknown>): ObjectStore {
  const run = step as Step
  return {
    put: (key, bytes, condition) =>
      run(() => {
        if (condition === 'absent' && objects.has(key)) return { ok: false as const }
        objects.set(key, bytes)
        return { ok: true as const, etag: key }
      }),
    get: (key) =>
      run((): StoredObject | undefined => {
        const bytes = objects.get(key)
        return bytes === undefined ? undefined : { bytes, etag: key }
      }),
    head: () => run(() => undefined),
    async *list(): AsyncIterable<ObjectInfo> {},
    delete: (key) => run(() => void objects.delete(key)),
    close: async () => undefined,
  }
}

function publisher({ clients }: World, step: (effect: () => unknown) => Promise<unknown>): Publisher {
  const run = step as Step
  return {
    maxFrameBytes: 32 * 1024,
    send: (connectionId, frame) =>
      run(async () => {
        if (Buffer.byteLength(frame) > 32 * 1024) throw new Error('frame too large')
        const receive = clients.get(connectionId)
        if (receive === undefined) return 'gone' as const
        await receive(frame)
        return 'sent' as const
      }),
    close: async () => undefined,
  }
}

/** A process of a simulated site, which may be made to end at any of its awaits: it never goes on then, as after SIGKILL. */
export class SimProcess {
  readonly ports: Ports
  /** Resolves when it has been killed. */
  readonly killed: Promise<void>
  dead = false
  /** Awaits it has left to live. */
  lifeSteps = Number.POSITIVE_INFINITY

  constructor(world: World) {
    let kill: () => void = () => undefined
    this.killed = new Promise((resolve) => {
      kill = resolve
    })
    this.ports = world.ports(async () => {
      if (!this.dead && this.lifeSteps-- > 0) return
      this.dead = true
      kill()
      await new Promise(() => undefined)
    })
  }
}
