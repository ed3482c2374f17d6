import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { connections, countsOf, expectViews } from './connections.ts'
import { answer, expectMessage, inFolder, weir } from './weir.ts'

const ROWS = 3_000

/** The log's folder as it was, with what vouches for it: as if the disk had never had the rest. */
async function putBack(copy: string, log: string): Promise<void> {
  await rm(log, { recursive: true })
  await cp(copy, log, { recursive: true })
}

describe('a log that has lost its newest records', { timeout: 240_000 }, () => {
  it('is refused, with what is ahead of it and what to do, and goes on once it is whole again', () =>
    inFolder(async (dir) => {
      const [file, data] = [join(dir, 'connections.csv'), join(dir, 'data')]
      const [log, before, whole] = [join(data, 'log'), join(dir, 'before'), join(dir, 'whole')]
      const text = connections(ROWS)
      await writeFile(file, text)
      const replay = ['replay', 'network', file, '--data', data]
      await answer(replay)
      await cp(log, before, { recursive: true })
      await answer(replay)
      await cp(log, whole, { recursive: true })
      await putBack(before, log)
      const state = await readFile(join(data, 'state.db'))
      for (const command of [replay, ['dev', '--data', data, '--port', '0']]) {
        const refused = await weir(command)
        expect(refused).toMatchObject({ code: 1, out: '' })
        expectMessage(refused, /network\.(raw|enriched)\.g1\/\d+ ends at offset \d+, but .* below \d+/)
        expectMessage(refused, /lost its newest records.*--data.*\(CORRUPT\)/s)
      }
      expect(await readFile(join(data, 'state.db'))).toEqual(state)
      await putBack(whole, log)
      await answer(replay)
      await expectViews(data, countsOf(text, 3))
    }))
})
