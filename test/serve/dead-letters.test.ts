import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { systemClock } from '../../lib/local/system-clock.ts'
import { PortError } from '../../lib/ports/errors.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { allDeadLetters, findDeadLetter, listDeadLetters } from '../../lib/serve/dead-letters.ts'
import { originalBytes } from '../../lib/serve/original-bytes.ts'
import { NotRetriableError, retryDeadLetter, retryFence } from '../../lib/serve/retry.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import { POINTER_HEADER, type RawPointer } from '../../lib/stream/entry.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { LocalWorld } from '../master/local-world.ts'
import { testStream } from '../master/test-stream.ts'

const RAW = 'test.raw.g1'
const GARBAGE = Buffer.from([0xff, 0x00, 0x7b, 0x0a, 0xc3, 0x28])
let world: LocalWorld

beforeEach(async () => {
  world = await LocalWorld.open(testStream)
  await world.feed(0, '{"text":"good"}', '{"text":7}', '{"text":"good"}')
  world.clock.ms += 1_000
  await world.feed(1, '{"text":"good"}', '{"integer":1}')
  world.clock.ms += 1_000
  await world.feed(0, GARBAGE)
  await world.run()
})
afterEach(() => world.ports.close())

const list = (limit = 100) => listDeadLetters(world.ports, world.stream, { limit })
const find = (id: string) => findDeadLetter(world.ports, world.stream, id)

async function rawRecords(partition: number): Promise<Buffer[]> {
  const batches = await world.ports.log.read(RAW, partition, 0, 100_000_000)
  return batches.flatMap(({ records }) => [...records].map(({ value }) => Buffer.from(value)))
}

async function bytesOf(id: string): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of originalBytes(world.ports.objects, (await find(id)).entry)) pieces.push(piece)
  return Buffer.concat(pieces)
}

describe('dead letters', () => {
  it('are listed newest first, with where they came from and why they died', async () => {
    const letters = await list()
    expect(letters.map(({ id, stage, sizeBytes }) => [id, stage, sizeBytes])).toEqual([
      [`here/${RAW}/0/3`, 'parse', GARBAGE.length],
      [`here/${RAW}/1/1`, 'validate', 13],
      [`here/${RAW}/0/1`, 'validate', 10],
    ])
    expect(letters[2]?.reason).toContain('text')
    expect(letters.every(({ reason }) => !reason.includes('7'))).toBe(true)
    expect(await list(1)).toEqual(letters.slice(0, 1))
  })

  it('show the original bytes, also such as are no text', async () => {
    expect(await bytesOf(`here/${RAW}/0/3`)).toEqual(GARBAGE)
    expect((await bytesOf(`here/${RAW}/1/1`)).toString()).toBe('{"integer":1}')
  })

  it('say what is wrong with an id that names none', async () => {
    await expect(find(`here/${RAW}/0/0`)).rejects.toThrow('is not a dead letter: its outcome is ok')
    await expect(find(`here/${RAW}/0/99`)).rejects.toThrow('is not in the master of test')
    await expect(find(`elsewhere/${RAW}/0/1`)).rejects.toThrow('is not in the master of test')
    await expect(find('nonsense')).rejects.toThrow('not a record id')
  })

  it('are found in the object store where they were too many bytes for an entry', async () => {
    const large = randomBytes(100_000)
    await world.feed(1, large)
    await world.run()
    const [letter] = await list(1)
    expect(letter).toMatchObject({ sizeBytes: 100_000, pointer: { sizeBytes: 100_000 } })
    expect(await bytesOf(letter?.id ?? '')).toEqual(large)
    const { newId } = await retryDeadLetter(world.ports, world.stream, (await find(letter?.id ?? '')).entry)
    expect(newId).toBe(`here/${RAW}/1/3`)
    expect((await rawRecords(1)).at(-1)).toEqual(large)
  })

  it('are refused a retry where they are more than the log takes', async () => {
    const bytes = randomBytes(1_000_001)
    const sha256 = createHash('sha256').update(bytes).digest('hex')
    const pointer: RawPointer = { key: 'large/test/x', sizeBytes: bytes.length, sha256 }
    await world.ports.objects.put('large/test/x', bytes.subarray(0, 600_000))
    await world.ports.objects.put('large/test/x.1', bytes.subarray(600_000))
    const headers = [{ name: POINTER_HEADER, value: Buffer.from('1') }]
    await world.ports.log.append(
      RAW,
      0,
      recordBatch([{ value: Buffer.from(JSON.stringify(pointer)), headers }]),
    )
    await world.run()
    const [letter] = await list(1)
    expect(await bytesOf(letter?.id ?? '')).toEqual(bytes)
    const { entry } = await find(letter?.id ?? '')
    await expect(retryDeadLetter(world.ports, world.stream, entry)).rejects.toThrow(NotRetriableError)
  })
})

describe('retry', () => {
  it('appends the original bytes once, shows it, and the new record takes its own way', async () => {
    const id = `here/${RAW}/0/3`
    const { entry } = await find(id)
    const first = await retryDeadLetter(world.ports, world.stream, entry)
    expect(first).toEqual({ id, newId: `here/${RAW}/0/4`, now: true })
    expect(await retryDeadLetter(world.ports, world.stream, entry)).toEqual({ ...first, now: false })
    expect((await rawRecords(0)).slice(4)).toEqual([GARBAGE])
    await world.run()
    const letters = await list()
    expect(letters.map(({ id }) => id)).toContain(first.newId)
    expect(letters.find((letter) => letter.id === id)?.retried).toMatchObject({ id: first.newId })
    expect(await verifyStream(world.ports, world.stream)).toMatchObject({ exact: true, complete: true })
  })

  it('can be done for all that have not been put in again', async () => {
    await retryDeadLetter(world.ports, world.stream, (await find(`here/${RAW}/1/1`)).entry)
    for await (const { letter, entry } of allDeadLetters(world.ports, world.stream))
      if (letter.retried === undefined) await retryDeadLetter(world.ports, world.stream, entry)
    expect((await list()).every(({ retried }) => retried?.id !== undefined)).toBe(true)
    expect((await rawRecords(0)).length).toBe(4 + 2)
    expect((await rawRecords(1)).length).toBe(2 + 1)
  })

  it('appends once wherever it is killed: at each request, before it takes place and after', async () => {
    const id = `here/${RAW}/0/3`
    const { entry } = await find(id)
    let expected = 4
    let killings = 0
    for (const after of [false, true]) {
      for (let killAt = 0; ; killAt++) {
        await world.ports.keyed.delete('retry/test', id, 'any')
        const killed = await killedAt(killAt, after, (ports) => retryDeadLetter(ports, world.stream, entry))
        // Others write meanwhile, and a second attempt is killed as well.
        await world.feed(0, '{"text":"another"}')
        await killedAt(3, after, (ports) => retryDeadLetter(ports, world.stream, entry))
        const { newId } = await retryDeadLetter(world.ports, world.stream, entry)
        const records = await rawRecords(0)
        expected += 2
        expect(records.filter((value) => value.equals(GARBAGE)).length, `killed at ${killAt}`).toBe(
          expected / 2 - 1,
        )
        expect(records.length).toBe(expected)
        expect(records[Number(newId.split('/').at(-1))]).toEqual(GARBAGE)
        if (!killed) break
        killings++
      }
    }
    expect(killings).toBeGreaterThanOrEqual(8)
  })

  it('appends once when two try at the same time', async () => {
    const { entry } = await find(`here/${RAW}/0/3`)
    const ports = { ...world.ports, clock: systemClock }
    const both = await Promise.all([
      retryDeadLetter(ports, world.stream, entry),
      retryDeadLetter(ports, world.stream, entry),
    ])
    expect(new Set(both.map(({ newId }) => newId)).size).toBe(1)
    expect((await rawRecords(0)).length).toBe(5)
  })

  it('appends once when the request of one that was given up arrives at last', async () => {
    const { entry } = await find(`here/${RAW}/0/3`)
    const held = Promise.withResolvers<void>()
    const arrived = Promise.withResolvers<void>()
    let appends = 0
    const slow = fencing(world.ports, async (run) => {
      if (appends++ > 0) return run()
      arrived.resolve()
      await held.promise
      return run()
    })
    const ports = { ...slow, clock: systemClock }
    const zombie = retryDeadLetter(ports, world.stream, entry)
    await arrived.promise
    const { newId, now } = await retryDeadLetter(world.ports, world.stream, entry)
    expect(now).toBe(true)
    held.resolve()
    expect(await zombie).toEqual({ id: `here/${RAW}/0/3`, newId, now: false })
    expect((await rawRecords(0)).length).toBe(5)
  })

  it('finds a record whose append was in doubt', async () => {
    const { entry } = await find(`here/${RAW}/0/3`)
    let appends = 0
    const lossy = fencing(world.ports, async (run) => {
      const answer = await run()
      if (appends++ === 0) throw new PortError('TIMEOUT', 'no answer', { curable: true })
      return answer
    })
    const { newId } = await retryDeadLetter({ ...lossy, clock: systemClock }, world.stream, entry)
    expect(newId).toBe(`here/${RAW}/0/4`)
    expect(appends).toBe(1)
    expect((await rawRecords(0)).length).toBe(5)
  })

  it('appends each once when four put all in at the same time', async () => {
    const all = async () => {
      const ports = { ...world.ports, clock: systemClock }
      const fence = retryFence(ports, world.stream)
      for await (const { entry } of allDeadLetters(ports, world.stream))
        await retryDeadLetter(ports, world.stream, entry, fence)
    }
    await Promise.all([all(), all(), all(), all()])
    expect((await rawRecords(0)).length).toBe(4 + 2)
    expect((await rawRecords(1)).length).toBe(2 + 1)
  })
})

/** The same ports, each append behind a fence made through `around`. */
function fencing(ports: Ports, around: (run: () => Promise<unknown>) => Promise<unknown>): Ports {
  const fence = async (name: string, topic: string) => proxied(await ports.log.fence(name, topic), around)
  const log = new Proxy(ports.log, {
    get: (target, name) => {
      if (name === 'fence') return fence
      const member: unknown = Reflect.get(target, name)
      return typeof member === 'function' ? member.bind(target) : member
    },
  })
  return { ...ports, log }
}

/** Runs `act` with ports whose request number `at` is the last that takes place (`after`), or the first that does not. */
async function killedAt(
  at: number,
  after: boolean,
  act: (ports: Ports) => Promise<unknown>,
): Promise<boolean> {
  let requests = 0
  let dead = false
  const around = async (run: () => Promise<unknown>) => {
    if (dead) return new Promise(() => undefined)
    const mine = requests++
    if (mine === at && !after) dead = true
    const answer = dead ? undefined : await run()
    if (mine === at) dead = true
    if (dead) throw new Error('killed')
    return answer
  }
  const { log, keyed, objects } = world.ports
  const ports = {
    ...world.ports,
    log: proxied(log, around),
    keyed: proxied(keyed, around),
    objects: proxied(objects, around),
  }
  return act(ports).then(
    () => false,
    () => true,
  )
}

/** The same port, each request made through `around`. */
function proxied<T extends object>(port: T, around: (run: () => Promise<unknown>) => Promise<unknown>): T {
  return new Proxy(port, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      if (name === 'query' || name === 'list')
        return async function* (...args: unknown[]) {
          const all = async () => {
            const items: unknown[] = []
            for await (const item of Reflect.apply(member, target, args)) items.push(item)
            return items
          }
          yield* (await around(all)) as unknown[]
        }
      const call = (...args: unknown[]) => around(() => Promise.resolve(Reflect.apply(member, target, args)))
      if (name !== 'fence') return call
      return async (...args: unknown[]) => proxied((await call(...args)) as object, around)
    },
  })
}
