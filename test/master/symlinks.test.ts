import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { S3Store } from '../../lib/aws/s3-store.ts'
import { compactStream } from '../../lib/master/compact.ts'
import { symlinksPrefix } from '../../lib/master/keys.ts'
import { masterRows, rowsOfFile } from '../../lib/master/read.ts'
import { GRACE_MS, sweepOrphans } from '../../lib/master/sweep.ts'
import { writeSymlinkManifests } from '../../lib/master/symlinks.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { recompute } from '../batch/world.ts'
import { LocalWorld } from './local-world.ts'
import { MemoryObjects } from './memory-objects.ts'
import { testStream } from './test-stream.ts'

let world: LocalWorld
let fed = 0

beforeEach(async () => {
  fed = 0
  world = await LocalWorld.open(testStream)
  await feed(60)
})
afterEach(() => world.ports.close())

async function feed(count: number): Promise<void> {
  for (let i = 0; i < count; i++, fed++) {
    world.clock.ms += 4 * 60_000
    await world.feed(fed % 2, JSON.stringify({ text: `t${fed}`, integer: fed }))
  }
  await world.run()
}

const write = () => writeSymlinkManifests(world.ports.objects, 'test', world.clock)

/** What Hive's SymlinkTextInputFormat finds below the table's location: the files of each list, hour by hour. */
async function listedRows(): Promise<Entry[]> {
  const { objects } = world.ports
  const rows: Entry[] = []
  for await (const { key } of objects.list(`${symlinksPrefix('test')}date=`)) {
    expect(key).toMatch(/_symlinks\/date=\d{4}-\d\d-\d\d\/hour=\d\d\/files\.txt$/)
    const stored = await objects.get(key)
    for (const line of Buffer.from(stored?.bytes ?? [])
      .toString()
      .split('\n')) {
      const path = fileURLToPath(line)
      expect(existsSync(path)).toBe(true)
      const folder = key.slice(symlinksPrefix('test').length, -'/files.txt'.length)
      expect(path).toContain(`/${folder}/`)
      const bytes = readFileSync(path)
      const one = new MemoryObjects()
      await one.put('file', bytes)
      for await (const some of rowsOfFile(one, { key: 'file', sizeBytes: bytes.length })) rows.push(...some)
    }
  }
  return rows
}

async function masterEntries(): Promise<Entry[]> {
  const rows: Entry[] = []
  for await (const some of masterRows(world.ports, testStream)) rows.push(...some)
  return rows
}

const ids = (rows: readonly Entry[]) => rows.map(({ partition, offset }) => `${partition}/${offset}`).sort()

it('lists every record once, hour by hour, also after compaction and beside files that no manifest lists', async () => {
  const { objects } = world.ports
  expect(await write()).toBeGreaterThan(3)
  expect(ids(await listedRows())).toEqual(ids(await masterEntries()))
  for await (const { key } of objects.list('master/test/date='))
    await objects.put(`${key.slice(0, -8)}-orphan.parquet`, Buffer.from('never committed'))
  const done = await compactStream(world.ports, 'test', { openHours: true })
  expect(done.written).toBeGreaterThan(3)
  // Until the lists are written anew they name replaced files, which stay for the grace.
  expect(ids(await listedRows())).toEqual(ids(await masterEntries()))
  await write()
  world.clock.ms = Date.now() + GRACE_MS + 3_600_001
  expect((await sweepOrphans(world.ports, 'test')).objects).toBeGreaterThan(10)
  expect(ids(await listedRows())).toEqual(ids(await masterEntries()))
})

it('is done by every recompute that publishes', async () => {
  world.clock.ms += 2 * 3_600_000
  await recompute(world.ports, world.stream)
  expect(ids(await listedRows())).toEqual(ids(await masterEntries()))
})

it('writes only lists that have changed, and looks at no others', async () => {
  for (let i = 0; i < 6; i++) await feed(20)
  await write()
  expect(await write()).toBe(0)
  await feed(1)
  expect(await write()).toBe(1)
  // Four files seal a chapter here: what is older is not read again.
  const chapters = await keysUnder('master/test/_manifests/chapters/')
  expect(chapters.length).toBeGreaterThan(4)
  await feed(1)
  const read: string[] = []
  await writeSymlinkManifests(watching(world.ports.objects, read), 'test', world.clock)
  expect(read.filter((key) => key.includes('/chapters/')).length).toBeLessThan(chapters.length / 2)
  expect(read.filter((key) => key.endsWith('/files.txt')).length).toBe(1)
  expect(ids(await listedRows())).toEqual(ids(await masterEntries()))
})

it('looks at everything where nobody has written for so long that swaps may be forgotten', async () => {
  await write()
  await compactStream(world.ports, 'test', { openHours: true })
  world.clock.ms += GRACE_MS + 3_600_001
  await sweepOrphans(world.ports, 'test')
  await write()
  expect(ids(await listedRows())).toEqual(ids(await masterEntries()))
})

it('does not put an older list over that of a writer that came between', async () => {
  await write()
  await feed(1)
  const { objects } = world.ports
  let held = false
  const slow = new Proxy<ObjectStore>(objects, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (name !== 'put') return typeof member === 'function' ? member.bind(target) : member
      return async (...args: Parameters<ObjectStore['put']>) => {
        if (!held && args[0].endsWith('/files.txt')) {
          held = true
          await feed(1)
          await write()
        }
        return target.put(...args)
      }
    },
  })
  await writeSymlinkManifests(slow, 'test', world.clock)
  expect(held).toBe(true)
  expect(ids(await listedRows())).toEqual(ids(await masterEntries()))
})

async function keysUnder(prefix: string): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { key } of world.ports.objects.list(prefix)) keys.push(key)
  return keys
}

/** Notes what is read. */
function watching(objects: ObjectStore, read: string[]): ObjectStore {
  return new Proxy(objects, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) => {
        if (name === 'get') read.push(String(args[0]))
        return member.apply(target, args)
      }
    },
  })
}

it('writes none where objects have no name for other programs, and names objects of a bucket by it', async () => {
  expect(await writeSymlinkManifests(new MemoryObjects(), 'test', world.clock)).toBe(0)
  const credentials = async () => ({ accessKeyId: 'a', secretAccessKey: 'b' })
  const deadline = { endsAtMs: undefined } as never
  const store = new S3Store({ bucket: 'weir', region: 'us-east-1', credentials, deadline, timeoutMs: 1_000 })
  expect(await store.uri('master/test/a.parquet')).toBe('s3://weir/master/test/a.parquet')
})
