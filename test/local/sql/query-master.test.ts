import { mkdtempSync, writeFileSync } from 'node:fs'
import { readdir, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { SqlError } from '../../../lib/local/sql/engine.ts'
import { queryMaster } from '../../../lib/local/sql/query-master.ts'
import { readManifest } from '../../../lib/master/manifest-store.ts'
import type { ObjectStore } from '../../../lib/ports/object-store.ts'
import { recordRetraction } from '../../../lib/state/retractions.ts'
import { LocalWorld } from '../../master/local-world.ts'
import { testStream } from '../../master/test-stream.ts'

const LINES = [
  '{"text":"it\'s","integer":9007199254740991,"number":0.5,"flag":true,"list":["a","b"],"stranger":{"x":1}}',
  '{"text":"two","integer":2}',
  'no JSON at all',
  '{"text":"two","integer":3}',
]

describe('SQL over the master', () => {
  let world: LocalWorld
  beforeEach(async () => {
    world = await LocalWorld.open(testStream)
    await world.feed(0, ...LINES)
    await world.feed(1, '{"text":"other side","integer":10}')
    await world.run()
  })
  afterEach(async () => {
    vi.unstubAllEnvs()
    await world.ports.close()
  })

  const ask = async (sql: string, options = {}) => {
    const given = { rowsMax: 100, withRetracted: false, ...options }
    const { columns, rows, ...rest } = await queryMaster(world.ports, [testStream], sql, given)
    return {
      ...rest,
      rows: rows.map((row) => Object.fromEntries(columns.map(({ name }, i) => [name, row[i]]))),
    }
  }

  it('has every record once, with what became of it', async () => {
    const { rows, files } = await ask(
      'select weir_outcome as outcome, count(*) as n from test group by all order by 1',
    )
    expect(rows).toEqual([
      { outcome: 'dead', n: 1 },
      { outcome: 'ok', n: 4 },
    ])
    expect(files).toBe(2)
    const dead = await ask(
      "select decode(weir_raw) as raw, weir_dead_stage as stage from test where weir_outcome = 'dead'",
    )
    expect(dead.rows).toEqual([{ raw: 'no JSON at all', stage: 'parse' }])
  })

  it('gives types as JSON has them, and integers as text where a number could not hold them', async () => {
    const { rows } = await ask(
      "select text, integer, integer + 1 as more, number, flag, list, weir_extra as extra, weir_append_time as at, date '2026-01-31' as day, sum(integer) over () as total from test where weir_offset = 0 and weir_partition = 0",
    )
    expect(rows).toEqual([
      {
        text: "it's",
        integer: 9007199254740991,
        more: '9007199254740992',
        number: 0.5,
        flag: true,
        list: ['a', 'b'],
        extra: { stranger: { x: 1 } },
        at: new Date(world.clock.ms).toISOString(),
        day: '2026-01-31',
        total: 9007199254740991,
      },
    ])
  })

  it('leaves retracted stretches out, unless asked for them', async () => {
    const stretch = { topic: 'test.raw.g1', partition: 0, from: 1, to: 3 }
    await recordRetraction(world.ports.keyed, stretch, 'a broken sensor', world.clock.ms)
    const sql = 'select weir_offset as at from test where weir_partition = 0 order by 1'
    expect((await ask(sql)).rows).toEqual([{ at: 0 }, { at: 3 }])
    expect((await ask(sql, { withRetracted: true })).rows).toHaveLength(4)
  })

  it('goes by the manifests: a file that none lists is not there', async () => {
    const { manifest } = await readManifest(world.ports.objects, 'test', 'test.raw.g1', 0)
    const key = manifest.files[0]?.key ?? ''
    const copy = await world.ports.objects.get(key)
    await world.ports.objects.put(key.replace('.parquet', '-orphan.parquet'), copy?.bytes ?? new Uint8Array())
    expect((await ask('select count(*) as n from test')).rows).toEqual([{ n: 5 }])
  })

  it('reads through the object store where objects are no files here', async () => {
    const { objects } = world.ports
    // Not a FolderStore: as S3 is.
    const remote: ObjectStore = {
      put: (...args) => objects.put(...args),
      get: (...args) => objects.get(...args),
      head: (key) => objects.head(key),
      list: (prefix) => objects.list(prefix),
      delete: (key) => objects.delete(key),
      close: () => objects.close(),
    }
    const copied: string[] = []
    const options = {
      rowsMax: 10,
      withRetracted: false,
      onProgress: ({ text }: { text: string }) => copied.push(text),
    }
    // A folder for temporary files that no other process has.
    const temporary = mkdtempSync(join(tmpdir(), 'weir-temporary-'))
    vi.stubEnv('TMPDIR', temporary)
    const { rows } = await queryMaster(
      { ...world.ports, objects: remote },
      [testStream],
      'select count(*) from test',
      options,
    )
    expect(rows).toEqual([[5]])
    expect(copied.some((text) => text.startsWith('copying test'))).toBe(true)
    expect(await readdir(temporary)).toEqual([])
    await rmdir(temporary)
  })

  it('reads files of an older release: fields they lack are null, fields that changed their kind are text', async () => {
    const columns = [
      ...testStream.columns.filter(({ name }) => name !== 'flag'),
      { name: 'added', kind: 'integer' as const, optional: true },
      { name: 'flag', kind: 'string' as const, optional: true },
    ]
    const changed = { ...testStream, columns }
    const sql = "select added, flag from test where text = 'it''s'"
    const { rows } = await queryMaster(world.ports, [changed], sql, { rowsMax: 9, withRetracted: false })
    expect(rows).toEqual([[null, 'true']])
  })

  it('says that there are more rows than were asked for', async () => {
    expect(await ask('select * from test', { rowsMax: 3 })).toMatchObject({ truncated: true })
    expect((await ask('select * from test', { rowsMax: 5 })).truncated).toBe(false)
  })

  it('has the columns of a stream without records', async () => {
    const empty = await LocalWorld.open(testStream)
    const options = { rowsMax: 10, withRetracted: false }
    const sql = 'select integer, list, weir_event_time from test'
    const { columns, rows } = await queryMaster(empty.ports, [testStream], sql, options)
    await empty.ports.close()
    expect(rows).toEqual([])
    expect(columns.map(({ type }) => type)).toEqual(['BIGINT', 'JSON', 'TIMESTAMP WITH TIME ZONE'])
  })

  it.each([
    ['writing', 'insert into test (text) values (1)'],
    ['making tables', 'create table t as select 1'],
    ['writing files', "copy (select 1) to '/tmp/weir-sql-out.csv'"],
    ['other files', `select * from read_text('${process.execPath}')`],
    ['other databases', "attach '/tmp/weir-other.db'"],
    ['settings', 'set enable_external_access = true'],
    ['two statements', 'select 1; select 2'],
    ['no statement', '-- nothing'],
    ['what is not there', 'select * from nowhere'],
  ])('refuses %s', async (_what, sql) => {
    await expect(ask(sql)).rejects.toThrow(SqlError)
  })

  it('may not read a file beside its own', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'weir-beside-')), 'secret.csv')
    writeFileSync(path, 'a\n1\n')
    await expect(ask(`select * from read_csv('${path}')`)).rejects.toThrow(/Permission/)
  })

  it('stops when it is told to', async () => {
    const stop = new AbortController()
    setTimeout(() => stop.abort(), 100)
    const endless = 'select count(*) from range(10000000) a, range(100000) b where a.range * b.range % 7 = 3'
    await expect(ask(endless, { signal: stop.signal })).rejects.toThrow(/abort/i)
  })
})
