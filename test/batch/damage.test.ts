import { beforeEach, describe, expect, it } from 'vitest'
import { readMasterFile } from '../../lib/master/read-file.ts'
import { PortError } from '../../lib/ports/errors.ts'
import { verifyStream } from '../../lib/serve/verify.ts'
import { MemoryObjects } from '../master/memory-objects.ts'
import { testStream } from '../master/test-stream.ts'
import { driveRun, MemoryWorld, SETTINGS } from './memory-world.ts'
import { answers, batchObjects, oracle, viewsOf } from './world.ts'

let world: MemoryWorld
beforeEach(async () => {
  world = new MemoryWorld(testStream)
  await feed()
})

async function feed(): Promise<void> {
  for (let i = 0; i < 40; i++) {
    world.append(i % 2, { text: `t${i % 3}`, integer: i, list: [`l${i % 2}`, 'all'] })
    world.pass(15_000)
  }
  await world.settle()
  world.pass(70_000)
}

/** Another process: it has read nothing yet. */
function reader() {
  const { objects } = world
  const own: typeof objects = new Proxy(objects, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return world.portsOn(world.keyed, own)
}

async function agree(): Promise<void> {
  for (const view of viewsOf(testStream))
    expect(await answers(reader(), view), view.id).toEqual(await oracle(reader(), testStream, view))
  expect((await verifyStream(reader(), testStream)).problems).toEqual([])
}

/** Flips a bit in the middle of each of the objects. */
async function breakAll(part: string): Promise<number> {
  const keys = await batchObjects(world.ports, testStream, part)
  for (const key of keys) {
    const bytes = Buffer.from((await world.objects.get(key))?.bytes ?? [])
    const at = bytes.length >> 1
    bytes[at] = (bytes[at] ?? 0) ^ 1
    await world.objects.put(key, bytes)
  }
  return keys.length
}

describe.each(['/segments/', '/indexes/'])('damaged %s', (part) => {
  it.each([false, true])('are made good by a full recompute; new records: %s', async (grown) => {
    await driveRun(reader(), testStream, 'first')
    expect(await breakAll(part)).toBeGreaterThan(0)
    const [view] = viewsOf(testStream)
    if (view === undefined) throw new Error('the test stream has no view')
    await expect(answers(reader(), view)).rejects.toMatchObject({ code: 'CORRUPT' })
    if (grown) {
      await feed()
      // What stands is added to, and cannot be: the message names the object and what helps.
      const added = driveRun(reader(), testStream, 'added')
      await expect(added).rejects.toThrow(new RegExp(`batch/test/.*${part}.* --full`))
      world.pass(SETTINGS.leaseMs + 1)
    }
    expect((await driveRun(reader(), testStream, 'again', { full: true })).published).toBe(true)
    await agree()
  })
})

it('segments stay as long as the index that may list them cannot be read', async () => {
  await driveRun(reader(), testStream, 'first')
  const segments = await batchObjects(world.ports, testStream, '/segments/')
  await breakAll('/indexes/')
  world.pass(48 * 3_600_000)
  await feed()
  await driveRun(reader(), testStream, 'again', { full: true })
  expect(await batchObjects(world.ports, testStream, '/segments/')).toEqual(
    expect.arrayContaining([...segments]),
  )
  await agree()
})

describe('a master file that cannot be decoded', () => {
  it('is named, also where no sum of the whole is looked at', async () => {
    let key = ''
    for await (const listed of world.objects.list('master/test/date=')) key = listed.key
    const bytes = Buffer.from((await world.objects.get(key))?.bytes ?? [])
    bytes[20] = (bytes[20] ?? 0) ^ 1
    await world.objects.put(key, bytes)
    const reading = (async () => {
      for await (const _ of readMasterFile(world.objects, { key, sizeBytes: bytes.length }));
    })()
    await expect(reading).rejects.toMatchObject({
      code: 'CORRUPT',
      message: expect.stringContaining(`master file ${key} cannot be decoded`),
    })
  })

  it('is told from one that a store does not answer for', async () => {
    const sizeBytes = 9 * 1024 * 1024
    const get = async () => Promise.reject(new PortError('UNAVAILABLE', 'no answer', { curable: true }))
    const objects = Object.assign(new MemoryObjects(), { get })
    const reading = (async () => {
      for await (const _ of readMasterFile(objects, { key: 'large', sizeBytes }));
    })()
    await expect(reading).rejects.toMatchObject({ code: 'UNAVAILABLE', message: 'no answer' })
  })
})

describe('a bit flipped in a file of the master', () => {
  it('stops the recompute that reads it, by name, and never changes an answer', async () => {
    const keys: string[] = []
    for await (const { key } of world.objects.list('master/test/date=')) keys.push(key)
    expect(keys.length).toBeGreaterThan(1)
    for (const key of keys) {
      const bytes = Buffer.from((await world.objects.get(key))?.bytes ?? [])
      for (const at of [20, bytes.length >> 1, bytes.length - 20]) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] ?? 0) ^ 1
        await world.objects.put(key, changed)
        const run = driveRun(reader(), testStream, `of-${key.length}-${at}`, { full: true })
        await expect(run).rejects.toThrow(`master file ${key} has other bytes than were committed`)
        world.pass(60_000)
      }
      await world.objects.put(key, bytes)
    }
    await driveRun(reader(), testStream, 'mended')
    await agree()
  })
})
