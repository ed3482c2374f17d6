import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { AlertList } from '../../lib/serve/alerts.ts'
import type { Alert, Status, StreamStatus } from '../../lib/serve/dashboard-messages.ts'
import { WeirClient } from '../../web/src/client/weir-client.ts'
import { connections, countsOf, expectVerified, expectViews } from './connections.ts'
import { workersOf } from './processes.ts'
import { Site } from './site.ts'
import { answer, delay, eventually, expectMessage, inFolder, weir } from './weir.ts'

/** What the page shows: alerts each by itself, incidents, and status, over one connection that looks after itself. */
function watch(url: string) {
  const alerts: Alert[] = []
  const incidents: Alert[] = []
  const statuses: Status[] = []
  const refused: string[] = []
  const client = new WeirClient({ url, firstDelayMs: 50, onRefused: ({ code }) => refused.push(code) })
  client.subscribe('alerts/network', { since: 'start' }, (message) => alerts.push(...message.alerts))
  client.subscribe('incidents/network', { since: 'start' }, (message) => incidents.push(...message.alerts))
  client.subscribe('status', {}, ({ status }) => statuses.push(status))
  return { client, alerts, incidents, statuses, refused }
}

type Seen = ReturnType<typeof watch>

function idsOf(alerts: readonly { readonly id: string }[]): readonly string[] {
  return alerts.map(({ id }) => id)
}

/** Every worker is ended, one soon after another, and is there again as another process. */
async function killEachWorker(site: Site): Promise<void> {
  const killable = (await site.status()).parts.filter(
    ({ killable, stream = 'network' }) => killable && stream === 'network',
  )
  expect(killable.map(({ id }) => id).sort()).toEqual([
    'network-archive-0',
    'network-archive-1',
    'network-count-0',
    'network-count-1',
    'network-notify-0',
    'network-score-0',
    'network-score-1',
    'socket-0',
  ])
  for (const { id } of killable) {
    expect(await site.post('/api/kill', JSON.stringify({ part: id }))).toEqual({
      status: 202,
      body: { part: id },
    })
    await delay(300)
  }
  for (const { id, pid } of killable)
    await eventually(`${id} to be there again`, async () => {
      const now = await site.part(id)
      return now.state === 'up' && now.pid !== pid ? true : undefined
    })
}

/** Nobody is ahead of the log, and all that is in it now is taken in by every stage. */
async function expectLedgerCatchesUp(site: Site): Promise<void> {
  const then = (await site.status()).streams[0]?.ledger.in ?? 0
  expect(then).toBeGreaterThan(0)
  await eventually('the ledger to agree', async () => {
    const ledger = (await site.status()).streams[0]?.ledger
    if (ledger === undefined) return undefined
    const { in: all, scored, archived, counted } = ledger
    for (const one of [scored, archived, counted]) expect(one).toBeLessThanOrEqual(all)
    return Math.min(scored, archived, counted) >= then ? true : undefined
  })
}

/** What a browser was pushed is what the alert log holds, in its order, each once, as far as it has come. */
async function expectPushed(data: string, seen: Seen): Promise<void> {
  const { alerts: all } = await answer<AlertList>(['alerts', 'network', '--since', 'start', '--data', data])
  expect(idsOf(seen.alerts)).toEqual(idsOf(all).slice(0, seen.alerts.length))
  expect(new Set(idsOf(all)).size).toBe(all.length)
  expect(seen.refused).toEqual([])
}

describe.concurrent('weir dev --demo', { timeout: 300_000 }, () => {
  it('shows alerts, and stays exact while all its processes are killed', () =>
    inFolder(async (dir) => {
      const data = join(dir, 'data')
      const first = await Site.start(data, ['--demo'])
      const seen = watch(first.webSocketUrl)
      try {
        await eventually('an alert', () => (seen.alerts.length > 0 ? true : undefined))
        await eventually('an incident', () => (seen.incidents.length > 0 ? true : undefined))
        expect(seen.alerts[0]).toMatchObject({
          stream: 'network',
          count: 1,
          record: { service: expect.any(String) },
        })
        expect(seen.alerts[0]?.reasons.length).toBeGreaterThan(0)
        expect(seen.statuses.at(-1)).toMatchObject({ demo: true, clients: 1 })
        await killEachWorker(first)
        await expectLedgerCatchesUp(first)

        await first.process.kill()
        const [before, pushed] = [seen.statuses.length, seen.alerts.length]
        const second = await Site.start(data, ['--demo', '--port', first.port])
        await eventually('status to go on', () => (seen.statuses.length > before ? true : undefined))
        await eventually('alerts to go on', () => (seen.alerts.length > pushed ? true : undefined))
        second.process.child.kill('SIGTERM')
        expect(await second.process.ended).toMatchObject({ code: 0, signal: null })
        expect(workersOf(data)).toEqual([])
        for (const { process } of [first, second]) expect(process.err).not.toMatch(/^\s+at /m)
      } finally {
        seen.client.close()
      }
      await expectVerified(data)
      await expectPushed(data, seen)
      const { streams } = await answer<{ streams: StreamStatus[] }>(['status', '--data', data])
      const { in: all, ...others } = streams[0]?.ledger ?? { in: 0 }
      expect(others).toMatchObject({ scored: all, archived: all, counted: all, deadLettered: 0 })
    }))
})

describe.concurrent('weir dev', { timeout: 240_000 }, () => {
  it('answers on HTTP and WebSocket, refuses other sites, and has its data folder for itself', () =>
    inFolder(async (dir) => {
      const [data, file] = [join(dir, 'data'), join(dir, 'in.csv')]
      await writeFile(file, `${connections(500)}garbage\n`)
      const site = await Site.start(data, [], { group: true })
      expect(await site.get('/')).toMatchObject({ status: 200, body: expect.stringContaining('<title>') })
      await expectBesides(site, data, file)
      await expectApi(site)
      await expectOnlyThisSite(site)
      // As a terminal does it: to every process of the group.
      process.kill(-site.process.pid, 'SIGINT')
      expect(await site.process.ended).toMatchObject({ code: 0, signal: null })
      expect(site.process.err).toBe(`Weir is at ${site.url}  (data in ${data}; Ctrl-C ends it)\n`)
      expect(workersOf(data)).toEqual([])
      await expectViews(data, countsOf(connections(500)))
    }))
})

/** Other commands on the same data folder: those that read or collect go through, a second pipeline does not. */
async function expectBesides(site: Site, data: string, file: string): Promise<void> {
  const inUse = new RegExp(
    `^weir: ${data}/log is in use by process ${site.process.pid} .*: stop that process, `,
  )
  for (const args of [
    ['dev', '--port', '0'],
    ['replay', 'network', file],
  ]) {
    const refused = await weir([...args, '--data', data])
    expect(refused).toMatchObject({ code: 1, out: '' })
    expectMessage(refused, inUse)
  }
  const port = await weir(['dev', '--port', site.port, '--data', join(data, '..', 'other')])
  expect(port).toMatchObject({ code: 1, out: '' })
  expectMessage(port, `port ${site.port} is in use: choose another with --port`)

  expect(await answer(['collect', 'network', file, '--data', data])).toMatchObject({
    recordsIn: 501,
    finished: true,
  })
  await eventually('all to be counted', async () => {
    const { streams } = await answer<{ streams: StreamStatus[] }>(['status', '--data', data])
    const { archived, counted } = streams[0]?.ledger ?? {}
    return archived === 501 && counted === 501 ? true : undefined
  })
  await expectViews(data, countsOf(connections(500)))
  const letters = await answer(['dead-letters', 'list', '--data', data])
  expect(letters).toMatchObject({ deadLetters: [{ stage: 'parse', sizeBytes: 7 }] })
}

async function expectApi(site: Site): Promise<void> {
  expect((await site.get('/api/streams')).body).toContainEqual(
    expect.objectContaining({ name: 'network', views: expect.any(Array) }),
  )
  expect(await site.status()).toMatchObject({
    demo: false,
    streams: expect.arrayContaining([
      expect.objectContaining({
        ledger: expect.objectContaining({ in: 501, counted: 501, deadLettered: 1 }),
      }),
    ]),
  })
  const { rows } = (await site.get('/api/query?view=network.records')).body as { rows: unknown[] }
  expect(rows).toMatchObject([
    { key: 'dead', count: 1 },
    { key: 'ok', count: 500 },
  ])
  expect((await site.get('/api/dead-letters?stream=network')).body).toMatchObject({
    deadLetters: [{ stage: 'parse' }],
  })
  expect((await site.get('/api/alerts?stream=network')).body).toMatchObject({ alerts: [] })
  const refused: readonly (readonly [status: number, answer: Promise<unknown>])[] = [
    [404, site.get('/api/query?view=network.nope')],
    [404, site.get('/api/alerts?stream=nope')],
    [404, site.get('/api/nope')],
    [404, site.post('/api/kill', '{"part":"log"}')],
    [400, site.get('/api/alerts?stream=network&limit=0')],
    [400, site.get('/api/query?view=network.records&from=noon')],
    [400, site.post('/api/kill', 'not JSON')],
  ]
  for (const [status, given] of refused)
    expect(await given).toMatchObject({
      status,
      body: { error: { code: expect.any(String), message: expect.any(String) } },
    })
}

/** A page of another site in the same browser, and a name that resolves here from outside. */
async function expectOnlyThisSite(site: Site): Promise<void> {
  const forbidden = { status: 403, body: { error: { code: 'FORBIDDEN' } } }
  const origin = 'http://evil.example'
  expect(await site.get('/api/status', { origin })).toMatchObject(forbidden)
  expect(await site.post('/api/kill', '{"part":"socket-0"}', { origin })).toMatchObject(forbidden)
  expect(await site.get('/api/status', { host: 'evil.example' })).toMatchObject(forbidden)
  expect(await site.get('/api/status', { origin: site.url })).toMatchObject({ status: 200 })
  const socket = new WebSocket(site.webSocketUrl, { origin })
  const [error] = (await once(socket, 'error')) as [Error]
  expect(error.message).toContain('403')
  expect((await site.part('socket-0')).restarts).toBe(0)
}
