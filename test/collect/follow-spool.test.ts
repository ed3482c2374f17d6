import { appendFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { followInput } from '../../lib/collect/follow/follow-input.ts'
import { startRun } from '../../lib/collect/run.ts'
import { u2Event, u2Packet } from '../formats/unified2.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { wordStream } from './streams.ts'
import { until } from './until.ts'

const TOPIC = 'words.raw.g1'
const event = (id: number) => Buffer.concat([u2Event({ type: 104, id }), u2Packet(id, `packet of ${id}`)])
const texts = (records: readonly Buffer[]) => records.map((record) => record.toString()).sort()

it(
  'follows unified2 spools through half records, rollover, restarts and a corrupt header, each event once',
  () =>
    inFolder(async (dir) => {
      const ports = await openTestPorts(join(dir, 'data'))
      const folder = join(dir, 'spool')
      await mkdir(folder)
      const spool = (nth: number) => join(folder, `snort.u2.${1_700_000_000 + nth}`)
      const values = async () => (await everything(ports.log, TOPIC)).flat().map(({ value }) => value)
      const notices: string[] = []
      const follow = async (expected: readonly Buffer[]) => {
        const stop = new AbortController()
        const paths = [join(folder, 'snort.u2.*')]
        const running = startRun({
          ports,
          stream: wordStream({ keyed: false }),
          sources: paths,
          live: [followInput({ clock: ports.clock, paths, lingerMs: 60_000 })],
          signal: stop.signal,
          onNotice: (message) => notices.push(message),
        })
        await until(`${expected.length} events`, async () => (await values()).length >= expected.length)
        await ports.clock.sleep(300)
        stop.abort()
        await running
        expect((await values()).sort()).toEqual(texts(expected))
      }
      try {
        await writeFile(spool(0), Buffer.concat([event(1), event(2), event(3).subarray(0, 50)]))
        await follow([event(1), event(2)])
        await appendFile(spool(0), Buffer.concat([event(3).subarray(50), event(4)]))
        await writeFile(spool(1), event(5))
        await follow([1, 2, 3, 4, 5].map(event))
        expect(notices.filter((notice) => notice.includes('unified2'))).toEqual([])
        const size = event(5).length
        await appendFile(spool(1), Buffer.concat([Buffer.from([9, 9, 9, 9, 0, 0, 0, 1]), event(6)]))
        await writeFile(spool(2), event(7))
        await follow([1, 2, 3, 4, 5, 7].map(event))
        expect(notices.filter((notice) => notice.includes('unified2'))).toEqual([
          `${spool(1)}: no unified2 record at byte ${size}: 151587081 is no record type of unified2; the rest of the file is left`,
        ])
      } finally {
        await ports.close()
      }
    }),
  240_000,
)
