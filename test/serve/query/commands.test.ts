import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { connections } from '../../end-to-end/connections.ts'
import { answer, expectMessage, inFolder, weir } from '../../end-to-end/weir.ts'

interface Rows {
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

/** service -> [count, bytes] */
const counted = ({ rows }: Rows) =>
  Object.fromEntries(rows.map(({ key, count, bytes }) => [key, [count, bytes]]))

describe('the commands that ask', () => {
  it('agree: both layers, as of now, a window, and SQL over the master', { timeout: 120_000 }, () =>
    inFolder(async (dir) => {
      const file = join(dir, 'in.csv')
      await writeFile(file, connections(700))
      const data = ['--data', join(dir, 'data')]
      await answer(['replay', 'network', file, ...data])
      const sql =
        "select service as key, count(*) as count, sum(total_bytes) as bytes from network where weir_outcome = 'ok' group by all order by key"
      const oracle = counted(await answer<Rows>(['sql', sql, ...data]))
      expect(Object.keys(oracle).length).toBeGreaterThan(0)
      const query = ['query', 'network.byService', ...data]
      expect(counted(await answer<Rows>(query))).toEqual(oracle)
      expect(counted(await answer<Rows>([...query, '--as-of', '0s']))).toEqual(oracle)
      const top = await answer<Rows & { by: string }>([
        'top',
        'network.byService',
        '--window',
        '1d',
        '-k',
        '1000',
        ...data,
      ])
      expect(counted(top)).toEqual(oracle)
      const counts = top.rows.map(({ count }) => Number(count))
      expect(counts).toEqual(counts.toSorted((a, b) => b - a))

      const recompute = await weir(['recompute', 'network', ...data, '--json'])
      expect(recompute).toMatchObject({ code: 0 })
      const after = await answer<Rows & { horizon: string | null }>(query)
      expect(counted(after)).toEqual(oracle)
      expect(after.horizon).not.toBeNull()

      expect((await answer<Rows>([...query, '--as-of', '1d'])).rows).toEqual([])
      const future = await weir([...query, '--as-of', '2100-01-01'])
      expect(future.code).toBe(1)
      expectMessage(future, /the master of network is complete up to \d{4}-/)
      const wrong = await weir([...query, '--as-of', '0s', '--layer', 'batch'])
      expect(wrong.code).toBe(2)
      const backwards = await weir([...query, '--from', '2026-01-02', '--to', '2026-01-01'])
      expect(backwards).toMatchObject({ code: 2, out: '' })
      expectMessage(backwards, '--from 2026-01-02T00:00:00.000Z is later than --to 2026-01-01T00:00:00.000Z')
      const range = ['--key', 'no such', '--from', '2026-01-01', '--to', '2026-01-02']
      const nothing = await weir([...query, ...range])
      expect(nothing).toMatchObject({ code: 0, out: expect.stringContaining('key') })
      expect(nothing.err).toBe(
        'network.byService: no rows of the key "no such", from event time 2026-01-01T00:00:00.000Z, before event time 2026-01-02T00:00:00.000Z\n',
      )
      expect((await answer<Rows>([...query, ...range])).rows).toEqual([])
      for (const args of [
        ['sql', 'drop table network'],
        ['sql', 'select * from nowhere'],
      ]) {
        const refused = await weir([...args, ...data, '--json'])
        expect({ code: refused.code, out: refused.out }).toEqual({ code: 1, out: '' })
      }
    }),
  )
})
