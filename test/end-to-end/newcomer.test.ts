import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { devAddress } from '../../lib/local/dev-address.ts'
import { connections } from './connections.ts'
import { Site } from './site.ts'
import { answer, eventually, inFolder, WeirProcess, weir } from './weir.ts'

const EVENTS = join(import.meta.dirname, '../../events')

/** What commands say to somebody who does not know Weir yet. */
describe('a newcomer', () => {
  it('is told what takes in what was collected, where nothing does', () =>
    inFolder(async (dir) => {
      const [data, file] = [join(dir, 'data'), join(dir, 'in.csv')]
      await writeFile(file, `${connections(20)}garbage\n`)
      const hint = `no pipeline runs on ${data}: records wait in the log until \`weir dev --data ${data}\` takes them in\n`
      const collected = await weir(['collect', 'network', file, '--data', data])
      expect(collected).toMatchObject({ code: 0, err: expect.stringContaining(hint) })
      expect((await weir(['collect', 'network', file, '--data', data, '--json'])).err).toBe('')
      await answer(['replay', 'network', file, '--data', data])

      const id = 'local/network.raw.g1/0/20'
      const shown = await weir(['dead-letters', 'show', id, '--data', data])
      expect(shown).toMatchObject({ code: 0, out: 'garbage' })
      const again = await weir(['dead-letters', 'retry', id, '--data', data])
      expect(again).toMatchObject({ code: 0, err: hint })
      expect((await weir(['dead-letters', 'retry', id, '--data', data])).err).toBe('')
    }))

  it('is told when a recompute can take in what is new, and where there is something to count', () =>
    inFolder(async (dir) => {
      const [data, file] = [['--data', join(dir, 'data')], join(dir, 'in.csv')]
      await writeFile(file, connections(20))
      const empty = ['--window', '10m', '--at', '2001-01-01T00:00:00Z']
      // The records of this moment are in no epoch that has been over for two days.
      const env = { WEIR_EPOCH_MS: '86400000', WEIR_SLACK_MS: '172800000' }
      await answer(['replay', 'network', file, ...data], { env })
      const told = await weir(['recompute', 'network', ...data], { env })
      expect(told.code).toBe(0)
      const when =
        /network: records appended from (\S+) on are answered from the boards: their epoch of 86400 s is not over\. From (\S+) on, weir recompute network takes them in\./
      const [, from = '', then = ''] = when.exec(told.out) ?? []
      expect(Date.parse(from)).toBeLessThan(Date.now())
      expect(Date.parse(then)).toBeGreaterThan(Date.now())

      const nothing = await weir(['top', 'network.byService', ...empty, ...data], { env })
      const at = /^Nothing from 2000-12-31.* try --at (\S+)\n$/.exec(nothing.out)?.[1] ?? ''
      const found = await answer<{ rows: object[] }>(['top', 'network.byService', '--at', at, ...data], {
        env,
      })
      expect(found.rows).not.toEqual([])
      const none = await weir(['top', 'posts.hashtags', ...empty, ...data], { env })
      expect(none.out).toMatch(/the view is empty\.\n$/)
    }))

  it('gets the horizon as a date, and one stream alone', () =>
    inFolder(async (dir) => {
      const [data, file] = [['--data', join(dir, 'data')], join(dir, 'in.csv')]
      const env = { WEIR_EPOCH_MS: '1000', WEIR_SLACK_MS: '100' }
      await writeFile(file, connections(20))
      await weir(['replay', 'network', file, '--json', ...data], { env })
      await eventually('all to be in the batch views', async () => {
        const { streams } = await answer<{ streams: { complete?: boolean }[] }>(
          ['recompute', 'network', ...data],
          { env },
        )
        return streams[0]?.complete
      })
      const { out } = await weir(['verify', 'network', ...data], { env })
      expect(out).toMatch(/batch view +holds what was appended before/)
      expect(out).toMatch(/^network\.byService +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z +\d+ /m)
      const { streams } = await answer<{ streams: { name: string }[] }>(['status', 'network', ...data])
      expect(streams.map(({ name }) => name)).toEqual(['network'])
      expect(await weir(['status', 'nope', ...data])).toMatchObject({ code: 2, out: '' })
    }))

  it.each(['recompute', 'merge', 'publish'])('is told what to invoke before %s', (name) =>
    inFolder(async (data) => {
      const args = ['invoke', name, '--event', join(EVENTS, `${name}.json`), '--data', data]
      const { code, err } = await weir(args)
      expect(code).toBe(1)
      expect(err).toContain(`first weir invoke plan --event events/plan.json --data ${data}`)
      expect(err).not.toMatch(/^\s+at /m)
    }),
  )

  it('hears at once of everything that a command lacks', async () => {
    expect(await weir(['cost', 'network'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--rate, the records a second, and --bytes, the bytes of a record/),
    })
    expect(await weir(['retract', 'network', '--from', '1'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('missing: --partition, --to'),
    })
  })

  it('subscribes to the server of the data folder, whatever its port', () =>
    inFolder(async (dir) => {
      const data = join(dir, 'data')
      const site = await Site.start(data)
      const subscriber = new WeirProcess(['subscribe', 'incidents/network', '--data', data])
      await eventually('a connection', () => (subscriber.err === '' ? undefined : true))
      expect(subscriber.err).toBe(`connected to ${site.webSocketUrl}\n`)
      subscriber.child.kill('SIGINT')
      await subscriber.ended
      const answers = await Promise.all(
        ['/', '/page.html', '/api/status', '/api/nope'].map(async (path) => {
          const { status } = await fetch(`${site.url}${path}`)
          const head = await fetch(`${site.url}${path}`, { method: 'HEAD' })
          expect(await head.text()).toBe('')
          return [status, head.status]
        }),
      )
      expect(answers).toEqual([
        [200, 200],
        [404, 404],
        [200, 200],
        [404, 404],
      ])
      await site.process.kill()
      expect(await devAddress(data)).toBeUndefined()
      const next = await Site.start(data)
      expect(await devAddress(data)).toBe(next.url)
      next.process.child.kill('SIGTERM')
      await next.process.ended
      expect(await devAddress(data)).toBeUndefined()
    }))
})
