import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { markNormal } from '../../lib/batch/templates.ts'
import { trainStream } from '../../lib/batch/train.ts'
import { provisionalTemplate } from '../../lib/detect/template-matcher.ts'
import { LogLines } from '../../lib/formats/syslog-line.ts'
import { raiseRateChanges, rateChanges } from '../../lib/serve/rate-changes.ts'
import { AlertLog } from '../../lib/state/alert-log.ts'
import { compileView } from '../../lib/views/view.ts'
import { HEADERS, logs } from '../../streams/logs.ts'
import { answer, inFolder, weir } from '../end-to-end/weir.ts'
import { LocalWorld } from '../master/local-world.ts'

const DATA = join(import.meta.dirname, '../../../shared/data/logs')
const SLOT_MS = 300_000
const START_MS = 1_699_999_800_000

const line = (timeMs: number, host: string, text: string, pri = 14) =>
  `<${pri}>1 ${new Date(timeMs).toISOString()} ${host} app 7 - - ${text}`

describe('a log line', () => {
  const recordOf = (text: string) => {
    const parsed = logs.parse(Buffer.from(text))
    if (!parsed.ok) throw new Error(parsed.reason)
    return logs.enrich(parsed.value)
  }

  it('is taken apart, and has a template before there is any model', () => {
    expect(recordOf('<11>Nov 21 05:40:00 web01 sshd[7]: Invalid user bob from 10.0.0.9')).toEqual({
      header: 'rfc3164',
      facility: 1,
      severityNumber: 3,
      timestamp: 'Nov 21 05:40:00',
      host: 'web01',
      app: 'sshd',
      pid: '7',
      message: 'Invalid user bob from 10.0.0.9',
      source: 'web01',
      severityLevel: 'error',
      templateId: provisionalTemplate('Invalid user bob from 10.0.0.9').id,
      template: 'Invalid user bob from <*>',
      templateKnown: false,
    })
    expect(recordOf('081109 203615 148 WARN dfs.DataNode$X: block blk_38 lost')).toMatchObject({
      source: 'hdfs',
      app: 'dfs.DataNode$X',
      severityNumber: 4,
      severityLevel: 'warning',
      template: 'block <*> lost',
    })
  })

  it('is never refused, but where it is white space', () => {
    expect(recordOf('just text')).toMatchObject({ header: 'none', source: 'none', message: 'just text' })
    expect(logs.parse(Buffer.from('  '))).toMatchObject({ ok: false, stage: 'parse' })
  })

  it('happened when it says; without a year, by when it was appended', () => {
    const timeOf = (text: string, appendMs: number) => {
      const time = logs.timeOf(recordOf(text), appendMs)
      return time === undefined ? undefined : new Date(time).toISOString()
    }
    expect(timeOf('Dec 31 23:59:59 h a: b', Date.UTC(2026, 0, 1))).toBe('2025-12-31T23:59:59.000Z')
    expect(timeOf('<14>1 2003-10-11T22:14:15.003Z h a p - - b', 0)).toBe('2003-10-11T22:14:15.003Z')
    expect(timeOf('no time', 5)).toBeUndefined()
  })
})

describe('a header pattern of a user', () => {
  it('reads lines as docs/streams/logs.md says, before the patterns that come with Weir', async () => {
    const docs = await readFile(join(import.meta.dirname, '../../docs/streams/logs.md'), 'utf8')
    const name = /name: '(\w+)'/.exec(docs)?.[1] ?? ''
    const pattern = /pattern: \/(.*)\/s,/.exec(docs)?.[1] ?? ''
    const time = /time: '(.*)'/.exec(docs)?.[1] ?? ''
    const example = /printf '(.*)\\n' \| weir templates/.exec(docs)?.[1] ?? ''
    const lines = new LogLines([{ name, pattern: new RegExp(pattern, 's'), time }, ...HEADERS])
    const read = lines.read(example)
    expect(read).toMatchObject({ header: 'turbine', level: 'WARN', message: 'rotor 7 too fast' })
    expect(lines.timeOf(read.header, read.timestamp, 0)).toBe(Date.UTC(2026, 10, 21, 5, 40))
    expect(lines.read('081109 203615 148 INFO dfs.DataNode$X: block blk_38 lost').header).toBe('hdfs')
  })
})

describe('rates of templates', () => {
  const view = compileView('logs', 'byTemplateSource', logs.views.byTemplateSource ?? neverMind())
  let world: LocalWorld
  beforeEach(async () => {
    world = await LocalWorld.open(logs)
  })
  afterEach(() => world.ports.close())

  /** One slot of event time: `web01` and `web02` write that many lines, over two partitions. */
  async function slot(number: number, web01: number, web02: number): Promise<void> {
    const from = START_MS + number * SLOT_MS
    world.clock.ms = from + SLOT_MS - 1
    const texts = [
      ...Array.from({ length: web01 }, (_, i) => line(from + i * 10, 'web01', `request ${i} was served`)),
      ...Array.from({ length: web02 }, (_, i) => line(from + i * 10, 'web02', `tick ${i}`)),
    ]
    await world.feed(0, ...texts.filter((_, i) => i % 2 === 0))
    await world.feed(1, ...texts.filter((_, i) => i % 2 === 1))
  }

  async function history(slots: number): Promise<void> {
    for (let i = 0; i < slots; i++) await slot(i, 40 + (i % 5), 20 + (i % 3))
    await world.run(['score', 'archive', 'count'], 10_000)
    const training = await trainStream(world.ports, logs, { seed: 1 })
    expect(training).toMatchObject({ published: true, report: { templates: 2, rates: 2 } })
  }

  it('are read from the view and raised once each, up and down, whoever asks and how often', async () => {
    await history(24)
    await slot(24, 400, 0)
    await world.run(['score', 'archive', 'count'], 10_000)
    const log = new AlertLog('logs', world.ports)
    expect(await raiseRateChanges(world.ports, view, log)).toMatchObject({ changes: 0 })
    world.clock.ms = START_MS + 25 * SLOT_MS + 61_000
    const raised = await Promise.all(
      [1, 2, 3].map(() => raiseRateChanges(world.ports, view, new AlertLog('logs', world.ports))),
    )
    expect(raised.reduce((sum, { changes }) => sum + changes, 0)).toBe(2)
    expect(await raiseRateChanges(world.ports, view, log)).toEqual({ changes: 0, toMs: undefined })
    const alerts = (await Promise.all([0, 1].map((page) => log.page(page)))).flatMap((page) => page ?? [])
    expect(alerts).toHaveLength(2)
    const [up, down] = [...alerts].sort((a, b) => (a.title < b.title ? 1 : -1))
    expect(up).toMatchObject({
      title: 'Rate up from web01: 400 lines in 5 minutes, 41.8 expected: request <*> was served',
      severity: 'high',
      record: { message: 'request 0 was served', found: 400, direction: 'up' },
    })
    expect(down?.title).toBe('Rate down from web02: 0 lines in 5 minutes, 20.9 expected: tick <*>')
  })

  it('are not raised of templates called normal', async () => {
    await history(24)
    await slot(24, 400, 0)
    await world.run(['score', 'archive', 'count'], 10_000)
    const range = { fromMs: START_MS + 24 * SLOT_MS, toMs: START_MS + 25 * SLOT_MS }
    const before = await rateChanges(world.ports, view, 'logs', range)
    expect(before?.changes.map(({ direction }) => direction).sort()).toEqual(['down', 'up'])
    await markNormal(world.ports, 'logs', [provisionalTemplate('request 1 was served').id])
    const after = await rateChanges(world.ports, view, 'logs', range)
    expect(after?.changes.map(({ direction }) => direction)).toEqual(['down'])
  })

  it('are none before the first model', async () => {
    expect(await rateChanges(world.ports, view, 'logs', { fromMs: 0, toMs: SLOT_MS })).toBeUndefined()
  })
})

describe('weir on log lines', () => {
  it('trains from the master, raises what is new, and is told what is normal', {
    timeout: 120_000,
  }, async () => {
    await inFolder(async (dir) => {
      const at = ['--data', join(dir, 'data')]
      const usual = Array.from({ length: 3000 }, (_, i) =>
        line(START_MS + i * 100, `web0${i % 3}`, i % 2 === 0 ? `user u${i} came in` : `sent ${i} bytes`),
      )
      await writeFile(join(dir, 'usual.log'), `${usual.join('\n')}\n`)
      const first = await answer(['replay', 'logs', join(dir, 'usual.log'), ...at])
      expect(first).toMatchObject({
        recordsIn: 3000,
        counted: 3000,
        archived: 3000,
        deadLettered: 0,
        alerts: 0,
      })
      expect(await answer(['train', 'logs', ...at])).toMatchObject({
        published: true,
        report: { templates: 2 },
      })

      const text = 'disk sdb1 vanished'
      const flood = Array.from({ length: 500 }, (_, i) =>
        line(START_MS, `web0${1 + (i % 5)}`, `disk sd${i} vanished`, 11),
      )
      await writeFile(
        join(dir, 'new.log'),
        `${[usual[0], line(START_MS, 'web01', text, 11), ...flood].join('\n')}\n`,
      )
      expect(await answer(['replay', 'logs', join(dir, 'new.log'), ...at])).toMatchObject({
        recordsIn: 502,
        counted: 502,
        alerts: 1,
      })
      const { alerts } = await answer<{ alerts: Record<string, unknown>[] }>(['alerts', 'logs', ...at])
      expect(alerts).toHaveLength(1)
      expect(alerts[0]).toMatchObject({
        severity: 'high',
        title: expect.stringMatching(/^New kind of line from web0\d: disk <\*> vanished$/),
        record: { template: 'disk <*> vanished', message: expect.stringMatching(/^disk sd\S+ vanished$/) },
        reasons: [{ feature: 'template' }, { feature: 'variables', value: expect.stringMatching(/^sd/) }],
      })

      const other = 'fan 3 stopped'
      const id = provisionalTemplate(other).id
      await writeFile(join(dir, 'other.log'), `${line(START_MS, 'web01', other, 11)}\n`)
      const replayed = async () => {
        const { alerts } = await answer<{ alerts: number }>(['replay', 'logs', join(dir, 'other.log'), ...at])
        return alerts
      }
      expect(await answer(['templates', 'normal', id, ...at])).toMatchObject({ normal: [id] })
      expect(await replayed()).toBe(0)
      expect(await answer(['train', 'logs', ...at])).toMatchObject({ published: true, report: { normal: 1 } })
      const { templates } = await answer<{ templates: unknown[] }>(['templates', 'list', ...at])
      expect(templates).toContainEqual(expect.objectContaining({ templateId: id, normal: true, count: 1 }))

      // Taken back, it is what it was: of a model that does not know it, a new kind of line.
      const { models } = await answer<{ models: { version: string }[] }>(['models', 'logs', ...at])
      await answer(['models', 'logs', '--activate', models[1]?.version ?? '', ...at])
      expect(await replayed()).toBe(0)
      expect(await answer(['templates', 'normal', '--undo', id, ...at])).toMatchObject({ normal: [] })
      expect(await replayed()).toBe(1)
      expect(await replayed()).toBe(0)
    })
  })

  it.skipIf(!existsSync(DATA))(
    'counts the lines of ten systems exactly (skipped without ../shared/data/logs)',
    { timeout: 120_000 },
    async () => {
      await inFolder(async (dir) => {
        const at = ['--data', join(dir, 'data')]
        const summary = await answer(['replay', 'logs', join(DATA, '*', '*_2k.log'), ...at])
        expect(summary).toMatchObject({
          recordsIn: 20_000,
          counted: 20_000,
          archived: 20_000,
          deadLettered: 0,
        })
        const count = async (view: string, key: string) => {
          const { rows } = await answer<{ rows: { count: number }[] }>(['query', view, '--key', key, ...at])
          return rows.reduce((sum, row) => sum + row.count, 0)
        }
        const contains = async (file: string, pattern: RegExp) =>
          (await readFile(join(DATA, file), 'utf8')).split('\n').filter((text) => pattern.test(text)).length
        expect(await count('logs.bySource', 'LabSZ')).toBe(2000)
        expect(await count('logs.bySource', 'zookeeper')).toBe(2000)
        const { id } = provisionalTemplate('Send worker leaving thread')
        expect(await count('logs.byTemplate', id)).toBe(
          await contains('Zookeeper/Zookeeper_2k.log', /Send worker leaving thread/),
        )
        expect(await count('logs.byTemplateSource', `${id}|zookeeper`)).toBe(
          await count('logs.byTemplate', id),
        )
        expect(await count('logs.bySeverityLevel', 'notice')).toBe(
          await contains('Apache/Apache_2k.log', /\] \[notice\] /),
        )
      })
    },
  )

  it('prints the template of each line, with the header and without', async () => {
    await inFolder(async (dir) => {
      const file = join(dir, 'some.log')
      await writeFile(file, `${line(START_MS, 'h', 'link 7 up')}\n\n${line(START_MS, 'h', 'link 8 up')}\n`)
      const printed = async (...options: string[]) => {
        const { out, code } = await weir(['templates', file, ...options])
        expect(code).toBe(0)
        return out
          .trimEnd()
          .split('\n')
          .map((text) => JSON.parse(text) as Record<string, unknown>)
      }
      const { id } = provisionalTemplate('link 7 up')
      expect(await printed()).toEqual([
        { line: 1, templateId: id, template: 'link <*> up' },
        { line: 2, templateId: id, template: 'link <*> up' },
      ])
      const raw = await printed('--content', 'raw')
      expect(raw[0]?.templateId).toBe(raw[1]?.templateId)
      expect(raw[0]?.templateId).not.toBe(id)
    })
  })
})

function neverMind(): never {
  throw new Error('the stream has no view of templates by source')
}
