import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { countsOf, expectViews } from './connections.ts'
import { answer, inFolder } from './weir.ts'

const FILE = join(import.meta.dirname, '../../../shared/data/network/kddcup.data_10_percent.gz')
const ROWS = 50_000
const THERE = existsSync(FILE)

function firstLines(bytes: Buffer, rows: number): Buffer {
  let end = 0
  for (let row = 0; row < rows; row++) end = bytes.indexOf('\n', end) + 1
  return bytes.subarray(0, end)
}

describe(`the first ${ROWS} lines of KDD Cup 1999${THERE ? '' : ` (skipped: ${FILE} is not there)`}`, () => {
  it.skipIf(!THERE)('are counted and kept as the file itself says', { timeout: 240_000 }, () =>
    inFolder(async (dir) => {
      const [file, data] = [join(dir, 'kdd.csv'), join(dir, 'data')]
      const lines = firstLines(gunzipSync(await readFile(FILE)), ROWS)
      await writeFile(file, lines)
      expect(await answer(['replay', 'network', file, '--data', data])).toMatchObject({
        recordsIn: ROWS,
        recordsScored: ROWS,
        deadLettered: 0,
        archived: ROWS,
        counted: ROWS,
      })
      await expectViews(data, countsOf(lines.toString()))
    }),
  )
})
