import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type NetworkList, networkList } from '../../lib/formats/network-list.ts'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import type { KeyedStore } from '../../lib/ports/keyed-store.ts'
import type { ObjectStore } from '../../lib/ports/object-store.ts'
import {
  activateTable,
  activeTables,
  listTables,
  putTable,
  ReferenceTableError,
  tableVersions,
} from '../../lib/state/reference.ts'
import { type LoadedTables, TableError } from '../../lib/stream/table.ts'

const clock = { ms: 1_700_000_000_000, nowMs: () => clock.ms, sleep: async () => undefined }
const stream = { name: 'nids', tables: { bad: networkList('192.0.2.0/24 default') } }
const LOOKED_MS = 2_000

let dir: string
let ports: { keyed: KeyedStore; objects: ObjectStore; clock: typeof clock }

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'weir-reference-'))
  const keyed = await SqliteStore.open(join(dir, 'state.db'), { clock })
  ports = { keyed, objects: await FolderStore.open(join(dir, 'objects')), clock }
})

afterEach(async () => {
  vi.restoreAllMocks()
  await ports.keyed.close()
  await ports.objects.close()
  rmSync(dir, { recursive: true })
})

const put = (text: string) => putTable(ports, 'bad', Buffer.from(text))
const find = (loaded: LoadedTables | undefined, address: string) =>
  (loaded?.tables.bad as NetworkList | undefined)?.find(address)

describe('reference tables', () => {
  it('are the defaults before the first is put, and have no version then', async () => {
    const loaded = await activeTables(ports, stream)()
    expect(loaded?.version).toBe('')
    expect(find(loaded, '192.0.2.9')).toBe('default')
  })

  it('are taken up by a running function within two seconds, and named by their set', async () => {
    const tables = activeTables(ports, stream)
    await tables()
    const first = await put('198.51.100.0/24 one')
    expect(find(await tables(), '198.51.100.1')).toBeUndefined()
    clock.ms += LOOKED_MS
    const one = await tables()
    expect(find(one, '198.51.100.1')).toBe('one')
    expect(one?.version).toMatch(/^[0-9a-f]{12}$/)
    const second = await put('198.51.100.0/24 two')
    clock.ms += LOOKED_MS
    const two = await tables()
    expect(find(two, '198.51.100.1')).toBe('two')
    expect(two?.version).not.toBe(one?.version)
    expect([first.version, second.version].map((version) => version.slice(0, 6))).toEqual([
      '000001',
      '000002',
    ])
    expect(await listTables(ports)).toEqual([second])
    expect((await ports.objects.get(`reference/bad/${first.version}`))?.bytes).toEqual(
      Buffer.from('198.51.100.0/24 one'),
    )
  })

  it('put again do nothing', async () => {
    const first = await put('10.0.0.1')
    clock.ms += 1
    expect(await put('10.0.0.1')).toEqual(first)
  })

  it('that do not load leave the last one in use, and are told once', async () => {
    const errors = vi.spyOn(console, 'error').mockImplementation(() => undefined)
    const tables = activeTables(ports, stream)
    await put('10.0.0.1 good')
    const good = await tables()
    await put('not a network')
    for (let i = 0; i < 3; i++) {
      clock.ms += LOOKED_MS
      const now = await tables()
      expect(find(now, '10.0.0.1')).toBe('good')
      expect(now?.version).toBe(good?.version)
    }
    expect(errors).toHaveBeenCalledTimes(1)
  })

  it('of which one of two writers at once fails or both wrote the same', async () => {
    const results = await Promise.allSettled([put('10.0.0.1'), put('10.0.0.2')])
    const done = results.filter(({ status }) => status === 'fulfilled')
    expect(done.length).toBeGreaterThanOrEqual(1)
    expect((await listTables(ports)).length).toBe(1)
  })
})

describe('an earlier version', () => {
  const use = (version: string) => activateTable(ports, 'bad', version)
  const inUse = async () => (await tableVersions(ports, 'bad')).filter((one) => one.inUse)

  it('is used again within two seconds, and versions count on from the highest', async () => {
    const tables = activeTables(ports, stream)
    const first = await put('198.51.100.0/24 one')
    const one = await tables()
    const second = await put('198.51.100.0/24 two')
    clock.ms += LOOKED_MS
    expect(find(await tables(), '198.51.100.1')).toBe('two')
    expect(await use(first.version)).toMatchObject({ version: first.version, sinceMs: clock.ms })
    clock.ms += LOOKED_MS
    const again = await tables()
    expect(find(again, '198.51.100.1')).toBe('one')
    expect(again?.version).toBe(one?.version)
    const third = await put('198.51.100.0/24 three')
    expect(third.version).toMatch(/^000003-/)
    expect((await tableVersions(ports, 'bad')).map(({ version, inUse: used }) => [version, used])).toEqual([
      [first.version, false],
      [second.version, false],
      [third.version, true],
    ])
  })

  it('put anew while another is in use is a version of its own', async () => {
    const first = await put('10.0.0.1')
    await put('10.0.0.2')
    const again = await put('10.0.0.1')
    expect(again.version).toBe(first.version.replace('000001', '000003'))
    expect(await inUse()).toMatchObject([{ version: again.version }])
  })

  it('that is not there is refused, with those that are', async () => {
    await expect(use('000001-0')).rejects.toThrow('the table bad has no version 000001-0; it has none yet')
    const { version } = await put('10.0.0.1')
    await expect(use('000002-0')).rejects.toThrow(`it has ${version}`)
  })

  it('in use already stays as it is', async () => {
    const first = await put('10.0.0.1')
    clock.ms += 1
    expect(await use(first.version)).toEqual(first)
  })

  /** Lets something happen before the next conditional put of the table's item. */
  function whilePutting(doing: () => Promise<unknown>) {
    const { keyed } = ports
    let done = false
    const late = new Proxy(keyed, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        const bound = member.bind(target) as (...args: unknown[]) => Promise<unknown>
        if (name !== 'put' || done) return bound
        return async (...args: unknown[]) => {
          done = true
          await doing()
          return bound(...args)
        }
      },
    })
    return { ...ports, keyed: late }
  }

  it('does not undo what somebody else put meanwhile', async () => {
    const first = await put('10.0.0.1')
    await put('10.0.0.2')
    let other = ''
    const late = whilePutting(async () => {
      other = (await put('10.0.0.3')).version
    })
    await expect(activateTable(late, 'bad', first.version)).rejects.toThrow(ReferenceTableError)
    expect(await inUse()).toMatchObject([{ version: other }])
  })

  it('is not overwritten by a put that began before it was left and came back to', async () => {
    const first = await put('10.0.0.1')
    const second = await put('10.0.0.2')
    await use(first.version)
    // The item says the same version before and after, and it is not the same item.
    const late = whilePutting(async () => {
      await use(second.version)
      await use(first.version)
    })
    await expect(putTable(late, 'bad', Buffer.from('10.0.0.4'))).rejects.toThrow('changed by somebody else')
    expect(await inUse()).toMatchObject([{ version: first.version }])
    expect((await tableVersions(ports, 'bad')).length).toBe(3)
  })

  it('of an item of an earlier release is found and left again', async () => {
    const bytes = Buffer.from('10.0.0.1')
    const { version, ...rest } = await put('10.0.0.1')
    const data = Buffer.from(JSON.stringify({ version, ...rest }))
    await ports.keyed.put({ pk: 'reference', sk: 'bad', rev: version, data }, 'any')
    expect(await putTable(ports, 'bad', bytes)).toEqual({ version, ...rest })
    const second = await put('10.0.0.2')
    expect(await use(version)).toMatchObject({ version })
    expect(await use(second.version)).toMatchObject({ version: second.version })
  })
})

describe('a list of networks', () => {
  const list = networkList().parse(
    Buffer.from(
      '# a comment\n10.0.0.0/8 wide\n10.1.0.0/16,narrow\n10.1.2.3\n2001:db8::/33 six\n0.0.0.0/0 all\n',
    ),
  )

  it.each([
    ['10.200.0.1', 'wide'],
    ['10.1.9.9', 'narrow'],
    ['10.1.2.3', ''],
    ['::ffff:10.1.9.9', 'narrow'],
    ['2001:db8:7fff::1', 'six'],
    ['2001:db8:8000::1', undefined],
    ['8.8.8.8', 'all'],
    ['nonsense', undefined],
  ])('%s is in the narrowest: %s', (address, label) => expect(list.find(address)).toBe(label))

  it.each(['10.0.0.0/33', '10.0.0', '10.0.0.0/', 'x'])('refuses %j and says where', (line) => {
    expect(() => networkList().parse(Buffer.from(`10.0.0.1\n${line}\n`))).toThrow(TableError)
    expect(() => networkList().parse(Buffer.from(`10.0.0.1\n${line}\n`))).toThrow('line 2')
  })
})
