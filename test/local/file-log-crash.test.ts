import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleepMs } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FileLog } from '../../lib/local/file-log.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { valuesFrom } from '../contracts/event-log.ts'
import { startChild } from './child.ts'

interface Acknowledged {
  readonly partition: number
  readonly baseOffset: number
  readonly count: number
  readonly id: string
}

describe('FileLog under SIGKILL', () => {
  let dir: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-log-'))
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  for (const fsync of ['interval', 'always', 'never'])
    it(`holds every acknowledged record, kill after kill: fsync ${fsync}`, { timeout: 120_000 }, async () => {
      const acknowledged: Acknowledged[] = []
      for (let round = 0; round < 4; round++) {
        const before = acknowledged.length
        acknowledged.push(...(await writeAndKill(dir, fsync, 50 + round * 60)))
        expect(acknowledged.length).toBeGreaterThan(before)
        const log = await FileLog.open({ dir, clock: systemClock, fsync: 'never' })
        await expectHeld(log, acknowledged)
        await log.append('t', 0, recordBatch([{ value: Buffer.from('between') }]))
        await log.close()
      }
    })

  it('is free as soon as its holder is killed, and names the holder until then', async () => {
    const child = startChild('log-holder.ts', dir)
    expect(await child.line()).toBe('ready')
    await expect(FileLog.open({ dir, clock: systemClock })).rejects.toMatchObject({
      name: 'PortError',
      code: 'LOCKED',
      message: expect.stringContaining(`process ${child.process.pid}`),
    })
    await child.kill()
    await (await FileLog.open({ dir, clock: systemClock })).close()
  })
})

/** Lets a process append for `ms` after its first acknowledgement, kills it, and tells what it had acknowledged. */
async function writeAndKill(dir: string, fsync: string, ms: number): Promise<Acknowledged[]> {
  const child = startChild('log-writer.ts', dir, fsync, '2')
  const acknowledged: Acknowledged[] = []
  child.lines.on('line', (line) => {
    const match = /^(\d+) (\d+) (\d+) ([0-9a-f-]{36})$/.exec(line) // the last line may be cut short
    if (match === null) return
    const [partition, baseOffset, count] = match.slice(1, 4).map(Number)
    if (partition !== undefined && baseOffset !== undefined && count !== undefined)
      acknowledged.push({ partition, baseOffset, count, id: match[4] ?? '' })
  })
  await child.line()
  await sleepMs(ms)
  await child.kill()
  return acknowledged
}

async function expectHeld(log: FileLog, acknowledged: readonly Acknowledged[]): Promise<void> {
  const ids = await Promise.all([0, 1].map(async (partition) => idsOf(await valuesFrom(log, 't', partition))))
  for (const { partition, baseOffset, count, id } of acknowledged)
    for (let n = 0; n < count; n++)
      if (ids[partition]?.[baseOffset + n] !== `${id}.${n}`)
        expect(ids[partition]?.[baseOffset + n]).toBe(`${id}.${n}`)
}

function idsOf(values: readonly string[]): string[] {
  return values.map((value) => /^([0-9a-f-]{36}\.\d+)-*$/.exec(value)?.[1] ?? value)
}
