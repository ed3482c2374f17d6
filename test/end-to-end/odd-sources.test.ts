import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import type { DeadLetter } from '../../lib/serve/dead-letters.ts'
import { seededRandom } from '../../lib/stream/random.ts'
import { column, connections, countsOf, expectVerified, expectViews, query } from './connections.ts'
import { answer, documentOf, expectMessage, inFolder, weir } from './weir.ts'

const LINES = connections(400).trimEnd().split('\n')
const [, WITHOUT_DURATION = ''] = /^[^,]*,(.*)$/.exec(LINES[7] ?? '') ?? []
const LARGE = 'x'.repeat(2_000_000)

/** Ends as `weir replay` ends, with the options that every call here has. */
function replay(data: string, ...sources: readonly string[]) {
  return weir(['replay', 'network', ...sources, '--data', data, '--json'])
}

function outcomes(data: string): Promise<Readonly<Record<string, unknown>>> {
  return query(data, 'records').then((queried) => column(queried, 'count'))
}

async function deadLetters(data: string): Promise<readonly DeadLetter[]> {
  return (await answer<{ deadLetters: DeadLetter[] }>(['dead-letters', 'list', '--data', data])).deadLetters
}

function show(data: string, id: string) {
  return weir(['dead-letters', 'show', id, '--data', data])
}

describe('odd records', { timeout: 240_000 }, () => {
  it('become dead letters with reasons, that can be listed, shown and put in again; the others go through', () =>
    inFolder(async (dir) => {
      const [file, empty, data] = [join(dir, 'odd.csv'), join(dir, 'empty.csv'), join(dir, 'data')]
      const odd = [...LINES.slice(0, 200), 'garbage', WITHOUT_DURATION, LARGE, ...LINES.slice(200)]
      await writeFile(file, odd.join('\n'))
      await writeFile(empty, '')
      const ended = await replay(data, empty, file)
      expectMessage(ended, `${empty} is empty: no records in it\n`)
      expect(documentOf(ended)).toMatchObject({
        recordsIn: 403,
        recordsScored: 400,
        deadLettered: 3,
        archived: 403,
        counted: 403,
      })
      expect(await outcomes(data)).toEqual({ ok: 400, dead: 3 })
      await expectViews(data, countsOf(LINES.join('\n')))

      const letters = await deadLetters(data)
      expect(letters.map(({ stage, sizeBytes, reason }) => [stage, sizeBytes, reason])).toEqual([
        ['size', 2_000_000, 'record of 2000000 bytes is larger than the log takes'],
        [
          'parse',
          WITHOUT_DURATION.length,
          expect.stringMatching(/^column duration: expected a whole number/),
        ],
        ['parse', 7, 'expected 41 to 46 comma-separated fields, found 1'],
      ])
      const [large, missing, garbage] = letters.map(({ id }) => id) as [string, string, string]
      expect(await show(data, garbage)).toMatchObject({ code: 0, out: 'garbage' })
      expect(await show(data, missing)).toMatchObject({ code: 0, out: WITHOUT_DURATION })
      expect((await show(data, large)).out === LARGE).toBe(true)

      const retry = (...args: string[]) => weir(['dead-letters', 'retry', ...args, '--data', data, '--json'])
      const refused = await retry(large)
      expect(refused.code).toBe(1)
      expectMessage(refused, 'more than the log takes')
      const first = await retry(garbage)
      expect(documentOf(first)).toMatchObject({ retried: [{ id: garbage, now: true }] })
      const [{ newId }] = documentOf<{ retried: [{ newId: string }] }>(first).retried
      expect(documentOf(await retry(garbage))).toEqual({ retried: [{ id: garbage, newId, now: false }] })
      const rest = await retry('network', '--all')
      expectMessage(rest, `${large} is 2000000 bytes`)
      expect(documentOf(rest)).toMatchObject({ retried: [{ id: missing, now: true }] })
      // What was put in again is taken in by whatever runs next.
      expect((await weir(['verify', '--data', data])).code).toBe(1)
      expect(await replay(data, empty)).toMatchObject({ code: 0 })
      expect(await outcomes(data)).toEqual({ ok: 400, dead: 5 })
      const after = await deadLetters(data)
      expect(after).toHaveLength(5)
      expect(after.find(({ id }) => id === newId)).toMatchObject({ reason: letters[2]?.reason })
      expect(after.find(({ id }) => id === garbage)).toMatchObject({ retried: { id: newId } })
      await expectVerified(data)
    }))

  it('of a binary file are dead letters, as many as it has lines', () =>
    inFolder(async (dir) => {
      const [file, data] = [join(dir, 'photo.jpg'), join(dir, 'data')]
      const random = seededRandom(1)
      const bytes = Uint8Array.from({ length: 60_000 }, () => Math.floor(random() * 256))
      await writeFile(file, bytes)
      const text = Buffer.from(bytes).toString('latin1')
      const lines = text.split('\n').filter((line) => line.replace(/\r$/, '') !== '').length
      expect(documentOf(await replay(data, file))).toMatchObject({
        recordsIn: lines,
        recordsScored: 0,
        deadLettered: lines,
        archived: lines,
        counted: lines,
      })
      expect(await outcomes(data)).toEqual({ dead: lines })
      await expectVerified(data)
      const [letter] = await deadLetters(data)
      const shown = await answer<{ raw: string }>(['dead-letters', 'show', letter?.id ?? '', '--data', data])
      expect(text).toContain(Buffer.from(shown.raw, 'base64').toString('latin1'))
    }))
})

describe('odd files', { timeout: 240_000 }, () => {
  it('that are empty are a replay of nothing', () =>
    inFolder(async (dir) => {
      const [empty, gz, data] = [join(dir, 'empty.csv'), join(dir, 'empty.csv.gz'), join(dir, 'data')]
      await writeFile(empty, '')
      await writeFile(gz, gzipSync(''))
      const ended = await replay(data, empty, gz)
      expect(ended).toMatchObject({ code: 0 })
      expectMessage(ended, `${empty} is empty: no records in it\n`)
      expect(documentOf(ended)).toMatchObject({ recordsIn: 0, archived: 0, counted: 0, deadLettered: 0 })
      await expectVerified(data)
    }))

  it('that are not there are named before anything is read', () =>
    inFolder(async (dir) => {
      const [file, missing, data] = [join(dir, 'good.csv'), join(dir, 'nowhere.csv'), join(dir, 'data')]
      await writeFile(file, LINES.join('\n'))
      const ended = await replay(data, file, missing)
      expect(ended).toMatchObject({
        code: 1,
        out: '',
        err: `weir: ${missing}: there is no such file or folder\n`,
      })
      expect(await outcomes(data)).toEqual({})
      // It is no replay that was begun: with the file in its place, all of it is read.
      await writeFile(missing, LINES.slice(0, 100).join('\n'))
      expect(documentOf(await replay(data, file, missing))).toMatchObject({
        recordsIn: 500,
        counted: 500,
        resumed: false,
      })
    }))

  it('that break off give what they have, and the rest once they are whole', () =>
    inFolder(async (dir) => {
      const [file, other, data] = [join(dir, 'broken.csv.gz'), join(dir, 'other.csv'), join(dir, 'data')]
      const whole = gzipSync(LINES.join('\n'))
      await writeFile(file, whole.subarray(0, whole.length / 2))
      await writeFile(other, LINES.slice(0, 50).join('\n'))
      const ended = await replay(data, file, other)
      expect(ended).toMatchObject({ code: 1, out: '' })
      expectMessage(
        ended,
        /^weir: \S+broken\.csv\.gz: the gzip data is cut short: .* get the whole file and run the same command again\n$/,
      )
      const { ok } = (await outcomes(data)) as { ok: number }
      expect(ok).toBeGreaterThan(100)
      expect(ok).toBeLessThan(400)
      await expectViews(data, countsOf(LINES.slice(0, ok).join('\n')))
      await writeFile(file, whole)
      expect(documentOf(await replay(data, file, other))).toMatchObject({
        recordsIn: 450,
        archived: 450,
        counted: 450,
        resumed: true,
      })
      await expectViews(data, countsOf([...LINES, ...LINES.slice(0, 50)].join('\n')))
    }))

  it('that are no folder are refused as a data folder, with a message and left as they are', () =>
    inFolder(async (dir) => {
      const file = join(dir, 'good.csv')
      await writeFile(file, LINES.join('\n'))
      for (const args of [
        ['query', 'network.byService'],
        ['replay', 'network', file],
        ['dev', '--port', '0'],
      ]) {
        const ended = await weir([...args, '--data', file])
        expect(ended).toMatchObject({ code: 1, out: '' })
        expectMessage(ended, /^weir: .*good\.csv/)
      }
      expect(await readFile(file, 'utf8')).toBe(LINES.join('\n'))
    }))
})
