import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { register } from '../../bin/commands/invoke.ts'
import type { Produced, Recording } from '../../lib/local/recording.ts'
import type { KafkaEvent } from '../../lib/speed/kafka-event.ts'

interface Document {
  readonly function: string
  readonly stream?: string
  readonly answered?: unknown
  readonly error?: { readonly message: string }
  readonly durationMs: number
  readonly produced: readonly Produced[]
  readonly stored: Pick<Recording, 'items' | 'objects'>
  readonly pushed: Recording['pushed']
  readonly figures: Recording['figures']
}

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-invoke-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs the command as the program does; resolves with what it printed on stdout. */
async function weir(...args: readonly string[]): Promise<string> {
  const program = new Command('weir').exitOverride().configureOutput({ writeErr: () => undefined })
  register(program)
  let out = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  try {
    await program.parseAsync(['node', 'weir', 'invoke', ...args])
  } finally {
    write.mockRestore()
  }
  return out
}

async function invoke(name: string, event: string, ...more: readonly string[]): Promise<Document> {
  return JSON.parse(await weir(name, '--event', event, '--json', ...more))
}

/** A file in the test's folder. */
function file(name: string, content: unknown): string {
  const path = join(folder, name)
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

test('score appends one entry for each raw record, dead letters among them', async () => {
  const { answered, produced, figures } = await invoke('score', 'events/score.json')
  expect(answered).toEqual({ batchItemFailures: [] })
  expect(produced.map(({ topic, partition, baseOffset }) => [topic, partition, baseOffset])).toEqual([
    ['network.enriched.g1', 0, 0],
  ])
  const entries = produced.flatMap(({ records }) => records.map(({ value }) => value))
  expect(entries).toMatchObject([
    { offset: 0, outcome: 'ok', value: { service: 'http', total_bytes: 5017 } },
    { offset: 1, outcome: 'ok', value: { service: 'smtp' } },
    { offset: 2, outcome: 'ok' },
    { offset: 3, outcome: 'dead', stage: 'parse' },
    { offset: 4, outcome: 'dead' },
    { offset: 5, outcome: 'ok' },
  ])
  expect(figures).toMatchObject([{ stage: 'score', figures: { records: 6, deadLettered: 2 } }])
})

test('score works for the stream that its event names: log lines, each with its template', async () => {
  const { produced, stream } = await invoke('score', 'events/score-logs.json')
  expect(stream).toBe('logs')
  const entries = produced.flatMap(({ records }) => records.map(({ value }) => value))
  const template = 'Accepted publickey for deploy from <*> port <*>'
  expect(entries).toMatchObject([
    { outcome: 'ok', value: { header: 'rfc3164', source: 'web01', template, templateKnown: false } },
    { outcome: 'ok', value: { source: 'web01', severityLevel: 'info' } },
    { outcome: 'ok', value: { header: 'rfc5424', source: 'db02', severityLevel: 'error' } },
    { outcome: 'ok', value: { header: 'hdfs' } },
    { outcome: 'ok', value: { header: 'apache' } },
    { outcome: 'ok', value: { header: 'none' } },
    { outcome: 'dead', stage: 'parse' },
  ])
})

test('count writes boards, then its progress', async () => {
  const { answered, produced, stored, stream } = await invoke('count', 'events/count.json')
  expect(stream).toBe('network')
  expect(answered).toEqual({ batchItemFailures: [] })
  expect(produced).toEqual([])
  const services = stored.items.filter(({ pk }) => pk.startsWith('board/network.byService/'))
  expect(services.length).toBeGreaterThan(0)
  expect(JSON.stringify(services)).toContain('"http",[1,5017]')
  expect(stored.items.at(-1)).toMatchObject({
    pk: 'progress/count/network.enriched.g1',
    done: true,
    data: { nextOffset: 6, highestOrigin: 5 },
  })
})

test('archive writes a Parquet file and the manifest that makes it count', async () => {
  const { answered, stored } = await invoke('archive', 'events/archive.json')
  expect(answered).toEqual({ batchItemFailures: [] })
  expect(
    stored.objects.map(({ key, done }) => [key.replace(/-[0-9a-f-]{36}\.parquet/, '.parquet'), done]),
  ).toEqual([
    ['master/network/date=2026-11-02/hour=08/network.raw.g1-0-0-6.parquet', true],
    ['master/network/_manifests/heads/network.raw.g1-0.json', true],
  ])
})

test('in a folder that is kept, what one invocation stored is pushed by the next', async () => {
  const data = join(folder, 'kept')
  const notified = await invoke('notify', 'events/notify.json', '--data', data)
  expect(notified.answered).toEqual({ batchItemFailures: [] })
  expect(notified.stored.items).toMatchObject([
    { pk: 'alerts/network' },
    { pk: expect.stringContaining('notify') },
  ])
  const { answered, pushed } = await invoke('socket', 'events/socket-subscribe.json', '--data', data)
  expect(answered).toEqual({ statusCode: 200 })
  const titles = pushed.flatMap(({ frame }) => (frame as { alerts: { title: string }[] }).alerts)
  expect(titles.map(({ title }) => title)).toEqual([
    'Unusual private connection over tcp, rejected',
    'Unusual telnet connection over tcp, no answer',
  ])
  const again = await invoke('notify', 'events/notify.json', '--data', data)
  expect(again.stored.items).toEqual([])
})

test('train reads what archive wrote, and says why it publishes nothing', async () => {
  const data = join(folder, 'trained')
  await invoke('archive', 'events/archive.json', '--data', data)
  const { answered, stream } = await invoke('train', 'events/train.json', '--data', data)
  expect(stream).toBeUndefined()
  expect(answered).toMatchObject({ stream: 'network', rows: 4, reason: expect.any(String) })
})

test('socket answers a ping on its connection', async () => {
  const { pushed } = await invoke('socket', 'events/socket-ping.json')
  expect(pushed).toEqual([{ connectionId: 'Lk3xZc9pDoECHmQ=', frame: { pong: true } }])
})

test.each(['connect', 'disconnect'])('socket takes a %s', async (kind) => {
  expect((await invoke('socket', `events/socket-${kind}.json`)).answered).toEqual({ statusCode: 200 })
})

test('without --data nothing is left behind', async () => {
  // A folder for temporary files that no other process has.
  const temporary = mkdtempSync(join(folder, 'temporary-'))
  vi.stubEnv('TMPDIR', temporary)
  try {
    await invoke('count', 'events/count.json')
  } finally {
    vi.unstubAllEnvs()
  }
  expect(readdirSync(temporary).filter((name) => name.startsWith('weir-'))).toEqual([])
})

test('for people it is text with a line for each thing done', async () => {
  const text = await weir('count', '--event', 'events/count.json')
  expect(text).toMatch(/^answered {2}\{"batchItemFailures":\[\]\}\ntook {6}[\d.]+ ms/)
  expect(text).toContain('\nproduced  0 records\nstored    ')
  expect(text).toMatch(/\n {2}put progress\/count\/network\.enriched\.g1 0 {2}\d+ bytes {2}\{"nextOffset":6/)
  expect(text).toContain('\nfigures   count network records=6')
})

test('a partition that cannot go on is a partial answer, and the reason is on stderr', async () => {
  const { records, ...rest } = JSON.parse(readFileSync('events/count.json', 'utf8')) as KafkaEvent
  const [name = '', all = []] = Object.entries(records)[0] ?? []
  const gap = file('gap.json', { ...rest, records: { [name]: all.slice(2) } })
  const { answered, stored } = await invoke('count', gap)
  expect(answered).toEqual({
    batchItemFailures: [{ itemIdentifier: { partition: 'network.enriched.g1-0', offset: 2 } }],
  })
  expect(stored.items).toEqual([])
})

test('a function that throws is a failure, and what it said is printed', async () => {
  const event = file('create-time.json', {
    records: { 'network.enriched.g1-0': [{ topic: 'network.enriched.g1', timestampType: 'CREATE_TIME' }] },
  })
  await expect(weir('count', '--event', event, '--json')).rejects.toMatchObject({
    name: 'CommandError',
    message: expect.stringMatching(/functions\/count threw .*set message\.timestamp\.type=LogAppendTime/s),
  })
})

test.each([
  [['scores', '--event', 'events/score.json'], /no function "scores"; there are: archive, compact, count/],
  [['score', '--event', 'events/none.json'], /no file events\/none\.json/],
  [['count', '--event', 'events/count.json', '--stream', 'nothing'], /no stream "nothing"; there are: /],
])('%o is wrong usage', async (args, message) => {
  await expect(weir(...args)).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringMatching(message),
  })
})

test('JSON that is none says where', async () => {
  const event = file('broken.json', '{\n  "records": {,}\n}')
  await expect(weir('score', '--event', event)).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringMatching(/broken\.json is not JSON: .*line 2 column 15/),
  })
})

test('JSON that is none is not quoted: events hold records', async () => {
  for (const text of ['{"value": "SECRET" x}', 'SECRET', '["SECRET"'])
    await expect(weir('score', '--event', file('broken.json', text))).rejects.toMatchObject({
      message: expect.not.stringContaining('SECRET'),
    })
})

test('an event is required', async () => {
  await expect(weir('score')).rejects.toMatchObject({ code: 'commander.missingMandatoryOptionValue' })
})
