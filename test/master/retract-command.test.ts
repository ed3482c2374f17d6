import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { commit, readManifest } from '../../lib/master/manifest-store.ts'
import { writeFile as writeMasterFile } from '../../lib/master/new-file.ts'
import { streamNamed } from '../../streams/index.ts'
import { documentOf, inFolder, weir } from '../end-to-end/weir.ts'
import { madeLines } from '../real/network-lines.ts'

const APPENDED_MS = 1_700_000_000_000
const HEAD = {
  site: 'here',
  partition: 1,
  appendTime: APPENDED_MS,
  eventTime: APPENDED_MS,
  outcome: 'ok',
  value: {},
} as const

describe('weir retract', { timeout: 240_000 }, () => {
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

  it('takes records of an older generation, whose log is gone, by what the master holds of it', async () => {
    await inFolder(async (dir) => {
      const old = 'network.raw.g2'
      const objects = await FolderStore.open(join(dir, 'data/objects'))
      const run = [0, 1, 2].map((offset) => ({ ...HEAD, topic: old, offset }))
      const file = await writeMasterFile(objects, streamNamed('network'), run)
      const loaded = await readManifest(objects, 'network', old, 1)
      const progress = { nextOffset: 3, highestOrigin: 2 }
      expect(await commit(objects, loaded, { files: [file], progress })).toBe('done')
      await objects.close()
      const retract = (partition: string, to: string) =>
        weir([
          ...['retract', 'network', '--topic', old, '--partition', partition, '--from', '1', '--to', to],
          ...['--reason', 'sensor broken', '--data', join(dir, 'data')],
        ])
      const said = await retract('1', '3')
      expect(said).toMatchObject({ code: 0, err: '' })
      expect(said.out).toMatch(/2 records of network\.raw\.g2-1, offsets \[1, 3\)/)
      expect(said.out).toContain(`whose horizon is after ${new Date(HEAD.appendTime).toISOString()}`)
      expect(await retract('1', '4')).toMatchObject({
        code: 1,
        err: expect.stringContaining('network.raw.g2-1 ends at offset 3'),
      })
      expect(await retract('0', '1')).toMatchObject({ code: 2 })
      expect(await retract('0', '2')).toMatchObject({
        code: 1,
        err: expect.stringContaining('there is no partition 0, and the master holds nothing of one'),
      })
    })
  })

  it.each([
    [['--from', '1', '--to', '2', '--reason', 'x'], 'missing: --partition'],
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
