import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HttpsLog } from '../../lib/collect/https/https-log.ts'
import { IngestClient } from '../../lib/collect/https/ingest-client.ts'
import { ingestHandler } from '../../lib/collect/ingest/handler.ts'
import { BODY_BYTES_MAX } from '../../lib/collect/ingest/records-body.ts'
import { startRun } from '../../lib/collect/run.ts'
import { serveIngestOn } from '../../lib/local/ingest-route.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { topicName } from '../../lib/stream/topic.ts'
import type { ChildOrder } from './child.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { difference, NO_DIFFERENCE, wordStream, words } from './streams.ts'
import { until } from './until.ts'

const SEED = Number(process.env.SEED ?? Date.now() % 1_000_000)
const streams = new Map([true, false].map((keyed) => [wordStream({ keyed }).name, wordStream({ keyed })]))
const lines = (text: string) => text.trim().split('\n')

type Fault = 'none' | 'refuse' | 'lose the answer'

interface Site {
  readonly dir: string
  readonly url: string
  readonly server: Ports
  values(stream?: string): Promise<string[]>
}

/** The ingest API on embedded ports behind a real HTTP server, and a folder for a collector. */
function withSite(fault: () => Fault, use: (site: Site) => Promise<void>): Promise<void> {
  return inFolder(async (dir) => {
    const ports = await openTestPorts(join(dir, 'server'))
    for (const { name, partitions } of streams.values())
      for (const kind of ['enriched', 'raw'] as const)
        await ports.log.createTopic(topicName(name, kind), partitions)
    const handler = ingestHandler(streams, ports)
    const http = createServer()
    serveIngestOn(http, () => async (event, context) => {
      const fate = fault()
      if (fate === 'refuse') return { statusCode: 503, headers: {}, body: '' }
      const answer = await handler(event, context)
      if (fate === 'lose the answer') http.closeAllConnections()
      return answer
    })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const url = `http://localhost:${(http.address() as AddressInfo).port}`
    const values = async (stream = 'words') =>
      (await everything(ports.log, topicName(stream, 'raw'))).flat().map(({ value }) => value)
    try {
      await use({ dir, url, server: ports, values })
    } finally {
      http.closeAllConnections()
      http.close()
      await ports.close()
    }
  })
}

async function withHttps(site: Site, use: (ports: Ports) => Promise<void>): Promise<void> {
  const own = await openTestPorts(join(site.dir, 'own'))
  const url = new URL(site.url)
  const client = new IngestClient({ url, stream: 'words' })
  const clock = {
    ...own.clock,
    sleep: (ms: number, signal?: AbortSignal) => own.clock.sleep(Math.min(ms, 5), signal),
  }
  try {
    await use({ ...own, clock, log: new HttpsLog({ ...own, client, url }) })
  } finally {
    await own.close()
  }
}

describe('collecting to an ingest API', () => {
  it('puts in each record once, through refusals and lost answers', async () => {
    const random = seededRandom(SEED)
    const fault = (): Fault => {
      const n = random()
      return n < 0.2 ? 'refuse' : n < 0.4 ? 'lose the answer' : 'none'
    }
    await withSite(fault, async (site) => {
      const path = join(site.dir, 'a.csv')
      await writeFile(path, words(60_000))
      await withHttps(site, async (ports) => {
        const request = { ports, stream: wordStream({ keyed: false }), sources: [path] }
        expect(await startRun(request)).toMatchObject({ recordsIn: 60_000, finished: true })
        expect(await site.values()).toEqual(expect.arrayContaining(lines(words(10))))
        expect(difference(await site.values(), lines(words(60_000)))).toEqual(NO_DIFFERENCE)
        expect(await startRun(request)).toMatchObject({ recordsIn: 60_000, resumed: false })
        expect(await site.values()).toHaveLength(120_000)
      })
    })
  }, 240_000)

  it('takes large records as far as a request goes, and says so beyond', () =>
    withSite(
      () => 'none',
      async (site) => {
        const path = join(site.dir, 'a.csv')
        const large = Array.from({ length: 6 }, (_, n) => `${n},${'x'.repeat(950_000)}`)
        await writeFile(path, large.map((line) => `${line}\n`).join(''))
        await withHttps(site, async (ports) => {
          const request = { ports, stream: wordStream({ keyed: false }), sources: [path] }
          expect(await startRun(request)).toMatchObject({ recordsIn: 6 })
          expect(await site.values()).toHaveLength(6)
          await writeFile(path, `1,a\n2,${'x'.repeat(BODY_BYTES_MAX)}\n`)
          await expect(startRun(request)).rejects.toThrow('is more than the ingest API takes')
        })
      },
    ))

  it.each([false, true])(
    `puts in each record once when it is killed at random moments (keyed: %s, SEED=${SEED})`,
    (keyed) => {
      const random = seededRandom(SEED + 7)
      return withSite(
        () => (random() < 0.1 ? 'lose the answer' : 'none'),
        async (site) => {
          const folder = join(site.dir, 'in')
          await mkdir(folder)
          for (const n of [0, 1, 2]) await writeFile(join(folder, `${n}.csv`), words(4000, n * 4000))
          const order: ChildOrder = {
            dir: join(site.dir, 'own'),
            keyed,
            url: site.url,
            sources: [folder],
            follow: keyed,
            // Slow enough that it is killed long before it is through.
            options: { checkpointMs: 30, ratePerS: 1000 },
          }
          for (let lives = 0; lives < 4; lives++) {
            const child = spawn(process.execPath, [
              join(import.meta.dirname, 'child.ts'),
              JSON.stringify(order),
            ])
            await once(child.stdout, 'data')
            await new Promise((resolve) => setTimeout(resolve, random() * 400))
            child.kill('SIGKILL')
            await once(child, 'exit')
          }
          const stream = keyed ? 'keyed-words' : 'words'
          const fast = JSON.stringify({ ...order, options: { checkpointMs: 30 } })
          const last = spawn(process.execPath, [join(import.meta.dirname, 'child.ts'), fast])
          let errors = ''
          last.stderr.on('data', (chunk) => (errors += chunk))
          await until('every record', async () => (await site.values(stream)).length >= 12_000)
          await new Promise((resolve) => setTimeout(resolve, 300))
          last.kill('SIGTERM')
          if (last.exitCode === null) await once(last, 'close')
          expect(errors).toBe('')
          expect(difference(await site.values(stream), lines(words(12_000)))).toEqual(NO_DIFFERENCE)
        },
      )
    },
    240_000,
  )
})
