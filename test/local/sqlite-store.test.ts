import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SqliteStore, type SqliteStoreOptions } from '../../lib/local/sqlite-store.ts'
import { keyedStoreContract } from '../contracts/keyed-store.ts'

for (const fsync of ['checkpoint', 'always'] as const)
  keyedStoreContract(`SqliteStore, fsync ${fsync}`, () => open({ fsync }))

async function open(options: SqliteStoreOptions) {
  const dir = mkdtempSync(join(tmpdir(), 'weir-keyed-'))
  const path = join(dir, 'state.db')
  const store = await SqliteStore.open(path, options)
  const close = async () => {
    await store.close()
    rmSync(dir, { recursive: true })
  }
  return { store, another: () => SqliteStore.open(path, options), close }
}

describe('SqliteStore', () => {
  let dir: string
  let path: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-keyed-'))
    path = join(dir, 'state.db')
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  it('goes by its clock, to the second', async () => {
    let nowMs = 1_000_000_000
    const store = await SqliteStore.open(path, { clock: { nowMs: () => nowMs } })
    await store.put({ pk: 'p', sk: 's', rev: '1', data: Buffer.from('x'), expiresAtS: 1_000_010 }, 'any')
    nowMs = 1_000_009_999
    expect(await store.get('p', 's')).toBeDefined()
    nowMs = 1_000_010_000
    expect(await store.get('p', 's')).toBeUndefined()
    await store.close()
  })

  it('deletes what has expired as it is written', async () => {
    let nowMs = 1_000_000_000
    const store = await SqliteStore.open(path, { clock: { nowMs: () => nowMs } })
    const put = (sk: string, expiresAtS: number) =>
      store.put({ pk: 'p', sk, rev: '1', data: Buffer.from('x'), expiresAtS }, 'any')
    for (let i = 0; i < 50; i++) await put(`${i}`, 1_000_010)
    nowMs += 70_000
    await put('live', 2_000_000)
    await store.close()
    const database = new DatabaseSync(path)
    expect(database.prepare('SELECT count(*) AS items FROM items').get()).toEqual({ items: 1 })
    database.close()
  })

  it('gives up on a store that another process holds, and says that it may be tried again', async () => {
    const store = await SqliteStore.open(path, { busyTimeoutMs: 50 })
    const holder = new DatabaseSync(path)
    holder.exec('BEGIN IMMEDIATE')
    const put = () => store.put({ pk: 'p', sk: 's', rev: '1', data: Buffer.from('x') }, 'any')
    await expect(put()).rejects.toMatchObject({ name: 'PortError', code: 'TIMEOUT', curable: true })
    expect(await store.get('p', 's')).toBeUndefined()
    holder.exec('ROLLBACK')
    expect(await put()).toEqual({ ok: true })
    holder.close()
    await store.close()
  })

  it('says what is wrong with a file that is no store', async () => {
    writeFileSync(path, 'this is not a database, only a file of the same name'.repeat(100))
    await expect(SqliteStore.open(path)).rejects.toMatchObject({ code: 'CORRUPT', curable: false })
    await expect(SqliteStore.open(join(dir, 'none', 'state.db'))).rejects.toMatchObject({
      code: 'MISCONFIGURED',
    })
  })
})
