import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { documentOf, inFolder, weir } from '../end-to-end/weir.ts'
import { madeLines } from '../real/network-lines.ts'

describe('weir retract', { timeout: 60_000 }, () => {
  it('records, lists and withdraws, and says from when on it holds', async () => {
    await inFolder(async (dir) => {
      const data = ['--data', join(dir, 'data')]
      await writeFile(join(dir, 'lines.csv'), `${madeLines(200).join('\n')}\n`)
      await weir(['replay', 'network', join(dir, 'lines.csv'), ...data, '--json'])
      const stretch = ['--partition', '0', '--from', '2', '--to', '5', '--reason', 'sensor broken']
      const said = await weir(['retract', 'network', ...stretch, ...data])
      expect(said).toMatchObject({ code: 0, err: '' })
      expect(said.out).toMatch(/3 records of network\.raw\.g1-0, offsets \[2, 5\)/)
      expect(said.out).toMatch(/whose horizon is after \d{4}-\d\d-\d\dT/)
      const { retractions } = documentOf(await weir(['retract', 'network', ...data, '--json'])) as {
        retractions: { id: string; reason: string; withdrawn?: object }[]
      }
      expect(retractions).toMatchObject([{ from: 2, to: 5, partition: 0, reason: 'sensor broken' }])
      const back = ['--withdraw', retractions[0]?.id ?? '', '--reason', 'it was not']
      expect((await weir(['retract', 'network', ...back, ...data])).code).toBe(0)
      const after = documentOf(await weir(['retract', 'network', ...data, '--json']))
      expect(after).toMatchObject({ retractions: [{ withdrawn: { reason: 'it was not' } }] })

      const beyond = ['--partition', '0', '--from', '2', '--to', '500000', '--reason', 'x']
      expect(await weir(['retract', 'network', ...beyond, ...data])).toMatchObject({
        code: 1,
        err: expect.stringContaining('network.raw.g1-0 ends at offset'),
      })
    })
  })

  it.each([
    [['--from', '1', '--to', '2', '--reason', 'x'], '--partition takes a whole number'],
    [['--partition', '0', '--from', '1', '--to', '2'], '--reason says why'],
    [['--partition', '0', '--from', '2', '--to', '2', '--reason', 'x'], 'nothing lies in [2, 2)'],
    [['--topic', 'network.enriched.g1', '--from', '1', '--to', '2'], '--topic takes a raw topic of network'],
  ])('refuses %j', async (args, message) => {
    await inFolder(async (dir) => {
      const { code, err } = await weir(['retract', 'network', ...args, '--data', join(dir, 'data')])
      expect(code).toBe(2)
      expect(err).toContain(message)
    })
  })
})
