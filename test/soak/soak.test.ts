import { join } from 'node:path'
import { expect, test } from 'vitest'
import { inFolder } from '../end-to-end/weir.ts'
import { soak } from './soak.ts'

const seed = Date.now() % 1_000_000

test(`a short soak, seed ${seed}: kills, recomputes and changed views lose and double nothing`, {
  timeout: 600_000,
}, async () => {
  await inFolder(async (dir) => {
    const said: string[] = []
    const report = await soak({
      dir: join(dir, 'soak'),
      seconds: 15,
      recordsPerRun: 25_000,
      seed,
      least: [1, 1],
      servers: { args: [], env: {} },
      say: (line) => said.push(line),
    })
    expect(report.problems, said.join('\n')).toEqual([])
    expect(report.records).toBeGreaterThanOrEqual(25_000)
  })
})
