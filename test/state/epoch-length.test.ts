import { describe, expect, it } from 'vitest'
import { epochMsOf } from '../../lib/aws/env.ts'
import { localEpochMs } from '../../lib/local/epoch.ts'
import { countStage } from '../../lib/speed/count.ts'
import { readEpochMs, settleEpochMs } from '../../lib/state/epoch-length.ts'
import { epochOf, isEpochLength } from '../../lib/stream/epoch.ts'
import { testStream } from '../master/test-stream.ts'
import { MemoryKeyed } from '../support/memory-keyed.ts'
import { testPorts } from '../support/ports.ts'

const MISCONFIGURED = expect.objectContaining({ code: 'MISCONFIGURED', curable: false })

describe('the length of an epoch', () => {
  it('is a second or longer and divides a day', () => {
    expect([1_000, 60_000, 3_600_000, 86_400_000].every(isEpochLength)).toBe(true)
    expect([0, 999, 7_000, 1_000.5, Number.NaN, 172_800_000, -60_000].some(isEpochLength)).toBe(false)
    expect(epochOf(59_999, 60_000)).toBe(0)
    expect(epochOf(60_000, 60_000)).toBe(1)
  })

  it('comes from WEIR_EPOCH_MS, and a bad one is named', () => {
    expect(epochMsOf({})).toBeUndefined()
    expect(epochMsOf({ WEIR_EPOCH_MS: '5000' })).toBe(5_000)
    expect(() => epochMsOf({ WEIR_EPOCH_MS: '1h' })).toThrow(/WEIR_EPOCH_MS is "1h"/)
    expect(() => epochMsOf({ WEIR_EPOCH_MS: '7000' })).toThrow(MISCONFIGURED)
  })

  it('is recorded once, and another one is refused', async () => {
    const keyed = new MemoryKeyed()
    await settleEpochMs(keyed, 60_000)
    await settleEpochMs(keyed, 60_000)
    expect(await readEpochMs(keyed)).toBe(60_000)
    await expect(settleEpochMs(keyed, 1_000)).rejects.toThrow(/to be 1000 ms, .* cut by 60000 ms/)
    expect(await readEpochMs(keyed)).toBe(60_000)
  })

  it('is one of two that are recorded at the same moment', async () => {
    const keyed = new MemoryKeyed()
    const both = await Promise.allSettled([settleEpochMs(keyed, 60_000), settleEpochMs(keyed, 1_000)])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  it('is what the folder says where nothing else is asked for', async () => {
    const keyed = new MemoryKeyed()
    expect(await localEpochMs(keyed, {})).toBe(60_000)
    await settleEpochMs(keyed, 5_000)
    expect(await localEpochMs(keyed, {})).toBe(5_000)
    await expect(localEpochMs(keyed, { WEIR_EPOCH_MS: '1000' })).rejects.toThrow(MISCONFIGURED)
  })

  it('stops count before its first board where the deployment has another one', async () => {
    const keyed = new MemoryKeyed()
    await settleEpochMs(keyed, 1_000)
    const stage = countStage(testStream, testPorts({ keyed }))
    await expect(stage.load('test.enriched.g1', 0)).rejects.toThrow(MISCONFIGURED)
    await expect(stage.load('test.enriched.g1', 0)).rejects.toThrow(MISCONFIGURED)
  })
})
