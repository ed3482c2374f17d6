import { readdirSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { connections, countsOf, expectViews, type query } from '../end-to-end/connections.ts'
import { Site } from '../end-to-end/site.ts'
import { answer, delay, documentOf, eventually, inFolder, weir } from '../end-to-end/weir.ts'

const ENV = { WEIR_EPOCH_MS: '1000', WEIR_SLACK_MS: '200', WEIR_LEASE_MS: '2000', WEIR_GRACE_MS: '1500' }
const linux = process.platform === 'linux'

/** Processes that recompute for a data folder now. */
function recomputers(data: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const read = (file: string) => readFileSync(`/proc/${pid}/${file}`, 'utf8')
        return read('cmdline').includes('recompute-worker') && read('environ').includes(`WEIR_DATA=${data}`)
      } catch {
        return false
      }
    })
    .map(Number)
}

describe('weir dev', { timeout: 300_000 }, () => {
  it.skipIf(!linux)('recomputes while records come, whoever is killed, and answers stay exact', async () => {
    await inFolder(async (dir) => {
      const data = join(dir, 'data')
      const text = connections(4_000)
      await writeFile(join(dir, 'lines.csv'), text)
      const env = { ...ENV, WEIR_RECOMPUTE_MS: '300' }
      const site = await Site.start(data, [], { env })
      let killed = 0
      let collecting = true
      const collected = weir(
        ['collect', 'network', join(dir, 'lines.csv'), '--rate', '800', '--data', data, '--json'],
        { env },
      ).finally(() => {
        collecting = false
      })
      while (collecting || killed < 2) {
        // One lives for a second or less: it is looked for often, and one in two is left alone.
        for (const pid of recomputers(data).slice(0, 1)) {
          await delay(40 + ((killed * 97) % 300))
          try {
            process.kill(pid, 'SIGKILL')
            killed++
          } catch {
            // It has ended by itself.
          }
        }
        await delay(collecting ? 400 : 20)
      }
      expect((await collected).code).toBe(0)
      const published = await eventually(
        'every record to be in the batch view',
        async () => {
          const { rows } = await answer<Awaited<ReturnType<typeof query>>>(
            ['query', 'network.byService', '--layer', 'batch', '--data', data],
            { env },
          )
          const counted = rows.reduce((sum, { count }) => sum + Number(count), 0)
          return counted === 4_000 ? rows : undefined
        },
        120_000,
        500,
      )
      expect(published.length).toBeGreaterThan(1)
      await expectViews(data, countsOf(text))
      const byHand = await site.post('/api/recompute?stream=network&full=true', '{}')
      expect(byHand).toMatchObject({ status: 202, body: { stream: 'network' } })
      site.process.child.kill('SIGINT')
      await site.process.ended
      await expectViews(data, countsOf(text))
      expect(recomputers(data)).toEqual([])
    })
  })
})

describe('weir recompute', { timeout: 240_000 }, () => {
  it('publishes what has ended, says what it did, and does one run id once', async () => {
    await inFolder(async (dir) => {
      const data = ['--data', join(dir, 'data')]
      const text = connections(300)
      await writeFile(join(dir, 'lines.csv'), text)
      await weir(['replay', 'network', join(dir, 'lines.csv'), ...data, '--json'], { env: ENV })
      await delay(1_300)
      const first = documentOf<{ run: string; streams: { horizon: number; views: object[] }[] }>(
        await weir(['recompute', 'network', '--run-id', 'one', ...data, '--json'], { env: ENV }),
      )
      expect(first).toMatchObject({ run: 'one', streams: [{ stream: 'network', published: true }] })
      const again = await weir(['recompute', 'network', '--run-id', 'one', ...data, '--json'], { env: ENV })
      expect(documentOf<typeof first>(again).streams).toEqual(first.streams)
      const said = await weir(['recompute', 'network', '--full', ...data], { env: ENV })
      expect(said).toMatchObject({ code: 0, out: expect.stringContaining('are in the batch views') })
      expect(said.out).toMatch(/network\.byService +from the first record +300/)
      await expectViews(join(dir, 'data'), countsOf(text))
      const wrong = await weir(['recompute', 'network', '--run-id', 'a/b', ...data], { env: ENV })
      expect(wrong).toMatchObject({ code: 2, err: expect.stringContaining('a run id is') })
      expect((await weir(['recompute', 'nothing', ...data], { env: ENV })).code).toBe(2)
    })
  })

  it('says that the master is behind where nobody archives', async () => {
    await inFolder(async (dir) => {
      const data = ['--data', join(dir, 'data')]
      await writeFile(join(dir, 'lines.csv'), connections(50))
      await weir(['collect', 'network', join(dir, 'lines.csv'), ...data, '--json'], { env: ENV })
      const env = { ...ENV, WEIR_WAIT_MS: '500' }
      const behind = await weir(['recompute', 'network', ...data], { env })
      expect(behind).toMatchObject({ code: 1, err: expect.stringContaining('the master lacks 50 records') })
    })
  })
})
