import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FolderStore, type FolderStoreOptions } from '../../lib/local/folder-store.ts'
import { objectStoreContract } from '../contracts/object-store.ts'

for (const fsync of ['always', 'never'] as const)
  objectStoreContract(`FolderStore, fsync ${fsync}`, () => open({ fsync }))

async function open(options: FolderStoreOptions) {
  const dir = mkdtempSync(join(tmpdir(), 'weir-objects-'))
  const store = await FolderStore.open(dir, options)
  const close = async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  }
  return { store, another: () => FolderStore.open(dir, options), close }
}

describe('FolderStore', () => {
  let dir: string
  let store: FolderStore
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'weir-objects-'))
    store = await FolderStore.open(dir, { fsync: 'never' })
  })
  afterEach(async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  })

  it('keeps an object in the file its key names, dated when it was put', async () => {
    await store.put('master/network/day=1/part-0.parquet', Buffer.from('PAR1'))
    const path = join(dir, 'master/network/day=1/part-0.parquet')
    expect(store.path('master/network/day=1/part-0.parquet')).toBe(path)
    expect(readFileSync(path, 'utf8')).toBe('PAR1')
    expect(Math.abs(statSync(path).mtimeMs - Date.now())).toBeLessThan(60_000)
  })

  it('never gives an etag twice, not for the same bytes in the same instant either', async () => {
    const stopped = await FolderStore.open(dir, { fsync: 'never', clock: { nowMs: () => 1_700_000_000_000 } })
    const etags = new Set<string>()
    for (let i = 0; i < 300; i++) {
      const put = await (i % 2 === 0 ? store : stopped).put('a', Buffer.from('same'))
      if (put.ok) etags.add(put.etag)
      if (i % 5 === 0) await store.delete('a')
    }
    expect(etags.size).toBe(300)
    await stopped.close()
  })

  it('rejects a key that is the folder of another, and the other way round', async () => {
    await store.put('a/b', Buffer.from('x'))
    const clash = { name: 'PortError', code: 'BAD_KEY', message: expect.stringContaining('folder') }
    await expect(store.put('a', Buffer.from('x'))).rejects.toMatchObject(clash)
    await expect(store.put('a/b/c', Buffer.from('x'))).rejects.toMatchObject(clash)
    expect((await store.get('a/b'))?.bytes.toString()).toBe('x')
  })

  it('lists no file that is being written, and sweeps those that killed processes left', async () => {
    const temporary = join(dir, '%', 'temporary')
    const write = (name: string, ageMs: number): string => {
      const path = join(temporary, name)
      writeFileSync(path, 'half')
      utimesSync(path, (Date.now() - ageMs) / 1000, (Date.now() - ageMs) / 1000)
      return path
    }
    const [left, current] = [write('left', 3_700_000), write('current', 1000)]
    const listed = []
    for await (const { key } of store.list('')) listed.push(key)
    expect(listed).toEqual([])
    await (await FolderStore.open(dir)).close()
    expect([left, current].map((path) => existsSync(path))).toEqual([false, true])
  })

  it('removes folders with their last object, and only those', async () => {
    mkdirSync(join(dir, 'a/kept'), { recursive: true })
    await store.put('a/b/c/d', Buffer.from('x'))
    await store.delete('a/b/c/d')
    expect(existsSync(join(dir, 'a/b'))).toBe(false)
    expect(existsSync(join(dir, 'a/kept'))).toBe(true)
  })
})
