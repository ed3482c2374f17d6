import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { posts } from '../../streams/posts.ts'
import { weir } from '../end-to-end/weir.ts'

const FILE = '../shared/data/posts/mayweather_mcgregor_tweets.csv'

let data: string
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'weir-posts-'))
})
afterEach(() => rm(data, { recursive: true, force: true }))

const parsed = (text: string) => {
  const result = posts.parse(Buffer.from(text))
  return result.ok ? posts.enrich(result.value) : result
}

describe('a post', () => {
  it('is the same as CSV and as JSON, with every digit of its ids', () => {
    const fields = { username: 'u', tweetid: '901656910939770881', tweet: 'a\n#Köln #KÖLN, b' }
    const hashtags = ['köln', 'köln']
    expect(
      parsed('"2017-08-27 00:05:34",True,901656910939770881,"http://x",False,"u","a\n#Köln #KÖLN, b"'),
    ).toMatchObject({ ...fields, timestamp: '2017-08-27 00:05:34', hashtags })
    expect(
      parsed(
        '{"userid":9007199254740993,"username":"u","timestamp":1503792334000,"tweetid":901656910939770881,"tweet":"a\\n#Köln #KÖLN, b"}',
      ),
    ).toEqual({
      ...{ ...fields, userid: '9007199254740993', timestamp: '1503792334000', hashtags },
      author_posts: 0,
    })
  })

  it('has its time as text or in ms', () => {
    const timeOf = (timestamp: string) => posts.timeOf({ timestamp }, 7)
    expect(timeOf('2017-08-27 00:05:34')).toBe(1503792334000)
    expect(timeOf('1503792334000')).toBe(1503792334000)
    expect(timeOf('yesterday')).toBeUndefined()
  })
})

describe('the history of an author', () => {
  const post = (id: number, username: string, timestamp: string) =>
    JSON.stringify({ username, timestamp, tweetid: String(id), tweet: '#a' })

  it('is in the posts that come after it, however their function is run', async () => {
    const site = join(data, 'site')
    const [first, second] = [join(data, 'first.jsonl'), join(data, 'second.jsonl')]
    const day = '2026-11-20'
    // Late posts of one author each: they must not see each other, however fast they are counted.
    const early = ['a', 'b', 'c', 'd'].flatMap((author, i) => [
      post(i, author, `${day} 10:00:00`),
      post(i + 10, author, `${day} 11:30:00`),
    ])
    const late = [
      post(21, 'a', `${day} 11:40:00`),
      post(22, 'b', '2026-11-21 10:10:00'),
      post(23, 'c', `${day} 10:10:00`),
      post(24, 'd', '2026-11-23 10:10:00'),
      post(25, 'e', `${day} 11:40:00`),
    ]
    await writeFile(first, `${early.join('\n')}\n`)
    await writeFile(second, `${late.join('\n')}\n`)
    for (const file of [first, second])
      expect((await weir(['replay', 'posts', file, '--json', '--data', site])).code).toBe(0)
    const { out } = await weir([
      'sql',
      'select tweetid, author_posts from posts where tweetid::int > 20 order by tweetid',
      '--json',
      '--data',
      site,
    ])
    const { rows } = JSON.parse(out) as { rows: Record<string, unknown>[] }
    expect(rows.map((row) => Object.values(row).map(Number))).toEqual([
      [21, 2],
      // The hours from 11:00 of the day before on.
      [22, 1],
      [23, 1],
      [24, 0],
      [25, 0],
    ])
    const event = join(data, 'event.json')
    const value = Buffer.from(post(31, 'a', `${day} 12:00:00`)).toString('base64')
    const record = {
      topic: 'posts.raw.g1',
      partition: 0,
      offset: 99,
      timestamp: 1,
      timestampType: 'LOG_APPEND_TIME',
      value,
    }
    await writeFile(
      event,
      JSON.stringify({ eventSource: 'aws:kafka', records: { 'posts.raw.g1-0': [record] } }),
    )
    const invoked = await weir(['invoke', 'score', '--event', event, '--json', '--data', site])
    const { produced } = JSON.parse(invoked.out) as { produced: { records: { value: unknown }[] }[] }
    expect(JSON.stringify(produced[0]?.records[0]?.value)).toMatch(/author_posts\W+3\b/)
  }, 120_000)
})

/** Uses by tag, counted by DuckDB: its own CSV reader, its own regular expressions. */
async function countedByDuckDb(): Promise<ReadonlyMap<string, number>> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  const answer = await connection.runAndReadAll(
    `select lower(tag) as tag, count(*)::integer as uses
     from (select unnest(regexp_extract_all(text, '[#＃﹟]([\\p{L}\\p{M}\\p{Nd}_]+)', 1)) as tag
           from read_csv('${FILE}', all_varchar = true)) group by 1`,
  )
  const uses = new Map(answer.getRows().map(([tag, n]) => [String(tag), Number(n)]))
  connection.closeSync()
  instance.closeSync()
  return uses
}

describe.skipIf(!existsSync(FILE))('weir replay posts (skipped where ../shared/data/posts is absent)', () => {
  it('counts every use of every tag in the real file, as DuckDB does, in both layers', async () => {
    const site = join(data, 'site')
    const soon = { env: { WEIR_EPOCH_MS: '1000', WEIR_SLACK_MS: '100' } }
    const replayed = await weir(['replay', 'posts', FILE, '--json', '--data', site], soon)
    expect(JSON.parse(replayed.out)).toMatchObject({ recordsIn: 12_119, dropped: 1, deadLettered: 0 })
    const expected = await countedByDuckDb()
    const asked = async (...more: string[]) => {
      const { out } = await weir(['query', 'posts.hashtags', '--json', '--data', site, ...more])
      const { rows } = JSON.parse(out) as { rows: { key: string; count: number }[] }
      return new Map(rows.map(({ key, count }) => [key, count]))
    }
    const merged = await asked()
    expect(merged.size).toBe(962)
    expect([...merged.values()].reduce((sum, n) => sum + n, 0)).toBe(14_495)
    expect(sorted(merged)).toEqual(sorted(expected))
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    const recomputed = await weir(['recompute', 'posts', '--json', '--data', site], soon)
    expect(recomputed.err).not.toContain('Error')
    expect(sorted(await asked('--layer', 'batch'))).toEqual(sorted(expected))
  }, 120_000)
})

function sorted(uses: ReadonlyMap<string, number>) {
  return [...uses].sort(([a], [b]) => (a < b ? -1 : 1))
}
