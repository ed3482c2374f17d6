import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { AlertList } from '../../lib/serve/alerts.ts'
import type { StreamStatus } from '../../lib/serve/dashboard-messages.ts'
import type { QueryAnswer } from '../../lib/serve/query.ts'
import { network } from '../../streams/network.ts'
import { connections, countsOf, expectViews } from './connections.ts'
import { answer, documentOf, expectMessage, inFolder, weir } from './weir.ts'

const ROWS = 30_000
const TEXT = connections(ROWS)

interface Judged {
  readonly anomalies: number
  readonly precision: number
  readonly recall: number
}

interface Replayed {
  readonly runId: string
  readonly seconds: number
  readonly recordsPerSecond: number
}

/** The same connection as a JSON object, numbers as numbers. */
function asJson(line: string): string {
  const fields = line.split(',')
  const names = network.columns.map(({ name }) => name)
  const value = fields.map((text, i) => [names[i], [1, 2, 3, 41].includes(i) ? text : Number(text)])
  return JSON.stringify(Object.fromEntries(value))
}

describe('weir replay', { timeout: 240_000 }, () => {
  it('counts, keeps and judges every record of a file once, and as many again when it is given again', () =>
    inFolder(async (dir) => {
      const [file, data] = [join(dir, 'connections.csv'), join(dir, 'data')]
      await writeFile(file, TEXT)
      const trained = await answer<{ version: string }>(['train', 'network', '--from', file, '--data', data])
      expect(trained).toMatchObject({ published: true, rows: ROWS })
      const evaluate = ['evaluate', 'network', file, '--label', 'label', '--normal', 'normal']
      const judged = await answer<Judged>([...evaluate, '--data', data])
      expect(judged).toMatchObject({ rows: ROWS, model: trained.version, unreadable: 0 })
      // What evaluate finds at or above the threshold is what must raise an alert.
      const alerts = Math.round((judged.recall * judged.anomalies) / judged.precision)
      expect(alerts).toBeGreaterThan(50)
      const replay = ['replay', 'network', file, '--data', data]
      const expected = {
        stream: 'network',
        sources: [file],
        resumed: false,
        recordsIn: ROWS,
        recordsScored: ROWS,
        deadLettered: 0,
        archived: ROWS,
        counted: ROWS,
        alerts,
      }
      const first = await answer<Replayed>(replay)
      expect(first).toMatchObject(expected)
      expect(first.recordsPerSecond).toBe(Math.round(ROWS / first.seconds))
      await expectViews(data, countsOf(TEXT))

      const second = await answer<Replayed>(replay)
      expect(second).toMatchObject(expected)
      expect(second.runId).not.toBe(first.runId)
      await expectViews(data, countsOf(TEXT, 2))
      const status = await answer<{ streams: StreamStatus[] }>(['status', '--data', data])
      expect(status.streams[0]?.ledger).toMatchObject({ in: 2 * ROWS, scored: 2 * ROWS, alerts: 2 * alerts })
      const listed = await answer<AlertList>(['alerts', 'network', '--since', 'start', '--data', data])
      const ids = listed.alerts.map(({ id }) => id)
      expect(ids).toHaveLength(2 * alerts)
      expect(new Set(ids).size).toBe(2 * alerts)
    }))

  it('reads a folder of gzip, CSV and JSON lines with and without line ends, in any order', () =>
    inFolder(async (dir) => {
      const [folder, data] = [join(dir, 'in'), join(dir, 'data')]
      const lines = TEXT.trimEnd().split('\n').slice(0, 6000)
      await mkdir(join(folder, 'deeper'), { recursive: true })
      await writeFile(join(folder, 'a.csv.gz'), gzipSync(lines.slice(0, 2000).join('\n')))
      await writeFile(join(folder, 'b.csv'), lines.slice(2000, 4000).join('\r\n'))
      await writeFile(join(folder, 'deeper', 'c.jsonl'), lines.slice(4000).map(asJson).join('\n\n'))
      const args = ['replay', 'network', 'in', '--data', data, '--shuffle', '--seed', '3', '--json']
      const ended = await weir(args, { cwd: dir })
      expect(documentOf(ended)).toMatchObject({
        recordsIn: 6000,
        archived: 6000,
        counted: 6000,
        deadLettered: 0,
      })
      await expectViews(data, countsOf(lines.join('\n')))
    }))

  it('counts by the time that records carry, and answers for a time, a key and slot by slot', () =>
    inFolder(async (dir) => {
      const [file, data] = [join(dir, 'timed.jsonl'), join(dir, 'data')]
      const lines = TEXT.trimEnd().split('\n').slice(0, 900)
      // A third each at 12:01, 12:04 and 12:06: two of them in one slot of five minutes.
      const minutes = ['01', '04', '06']
      const utc = (i: number) => `2026-03-01T12:${minutes[Math.floor(i / 300)]}:00.000Z`
      await writeFile(
        file,
        lines.map((line, i) => JSON.stringify({ ...JSON.parse(asJson(line)), utc: utc(i) })).join('\n'),
      )
      expect(await answer(['replay', 'network', file, '--data', data])).toMatchObject({
        counted: 900,
        deadLettered: 0,
      })
      const http = (from: number, to: number) => countsOf(lines.slice(from, to).join('\n')).byService.http
      const ask = (...args: string[]) =>
        answer<QueryAnswer>(['query', 'network.byService', '--data', data, '--key', 'http', ...args])
      const slots = [
        {
          key: 'http',
          from: '2026-03-01T12:00:00.000Z',
          to: '2026-03-01T12:05:00.000Z',
          count: http(0, 600),
        },
        {
          key: 'http',
          from: '2026-03-01T12:05:00.000Z',
          to: '2026-03-01T12:10:00.000Z',
          count: http(600, 900),
        },
      ]
      expect((await ask('--by-slot')).rows).toMatchObject(slots)
      expect((await ask('--from', '2026-03-01T12:05:00Z')).rows).toMatchObject(slots.slice(1))
      expect((await ask('--to', '2026-03-01T12:05:00Z')).rows).toMatchObject(slots.slice(0, 1))
      expect((await ask()).rows).toMatchObject([
        { from: slots[0]?.from, to: slots[1]?.to, count: http(0, 900) },
      ])
      expect((await ask('--from', '10m')).rows).toEqual([])
      expect((await ask('--layer', 'batch')).rows).toEqual([])
    }))

  it('finishes a run that has a name once, however often it is asked for', () =>
    inFolder(async (dir) => {
      const [file, data] = [join(dir, 'in.csv'), join(dir, 'data')]
      const lines = TEXT.split('\n').slice(0, 1000).join('\n')
      await writeFile(file, lines)
      const args = ['replay', 'network', file, '--data', data, '--run-id', 'monday']
      for (const resumed of [false, true])
        expect(await answer(args)).toMatchObject({ runId: 'monday', resumed, recordsIn: 1000, counted: 1000 })
      await expectViews(data, countsOf(lines))
      const other = await weir(['replay', 'network', file, file, '--data', data, '--run-id', 'monday'])
      expect(other).toMatchObject({ code: 1, out: '' })
      expectMessage(
        other,
        'run monday was begun with other sources or options; give those, or another --run-id',
      )
    }))
})
