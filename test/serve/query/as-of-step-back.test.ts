import { expect, it } from 'vitest'
import { queryAsOf } from '../../../lib/serve/query/as-of.ts'
import { compileView } from '../../../lib/views/view.ts'
import { MemoryWorld } from '../../batch/memory-world.ts'
import { testStream } from '../../master/test-stream.ts'

const byText = compileView('test', 'byText', testStream.views.byText ?? (undefined as never))

it('an answer as of a time stays as it is when the archive catches up, also where append times have stepped back', async () => {
  const stepping = new MemoryWorld(testStream)
  stepping.append(0, { text: 'a' })
  await stepping.archive(0)
  const firstMs = stepping.clock.ms
  // Another broker leads the partition, and its clock is behind.
  stepping.clock.ms -= 300
  stepping.append(0, { text: 'b' })
  stepping.pass(100_000)
  const asOf = async (asOfMs: number) => {
    const options = { asOfMs, slackMs: 2_000 }
    const { rows } = await queryAsOf(stepping.ports, testStream, byText, options, stepping.clock.ms)
    return rows.map(({ key, count }) => [key, count])
  }
  await expect(asOf(firstMs)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(asOf(firstMs - 1_999)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  expect(await asOf(firstMs - 2_000)).toEqual([])
  await stepping.archive(0)
  expect(await asOf(firstMs - 2_000)).toEqual([])
  expect(await asOf(firstMs)).toEqual([['b', 1]])
})
