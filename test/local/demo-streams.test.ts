import { describe, expect, it } from 'vitest'
import { Attention } from '../../lib/local/attention.ts'
import { DEMO_STREAMS, playDemoStream } from '../../lib/local/demo-streams.ts'
import { activeModel } from '../../lib/state/models.ts'
import type { Stream } from '../../lib/stream/define.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { streams } from '../../streams/index.ts'
import { eventually } from '../end-to-end/weir.ts'
import { testPorts } from '../support/ports.ts'

function setting(name: string) {
  const ports = testPorts()
  const stream = streams.get(name) as Stream
  const demo = DEMO_STREAMS.get(name)
  if (demo === undefined) throw new Error(`no demo of ${name}`)
  const topic = topicName(name, 'raw')
  const records = async () => {
    const { partitions = 0 } = (await ports.log.describeTopic(topic)) ?? {}
    let sum = 0
    for (let partition = 0; partition < partitions; partition++)
      sum += (await ports.log.offsets(topic, partition)).end
    return sum
  }
  /** Plays until so many records are in. */
  const play = async (attention: Attention, until: number) => {
    const stop = new AbortController()
    const playing = playDemoStream({ ports, stream, demo, attention, signal: stop.signal })
    await eventually(`${until} records`, async () => ((await records()) >= until ? true : undefined), 60_000)
    stop.abort()
    await playing
  }
  return { ports, topic, stream, records, play }
}

describe('a stream of the demo', () => {
  it('rests until somebody looks, begins with the hour before, and goes on without it', async () => {
    const { ports, topic, stream, records, play } = setting('orders')
    await ports.log.createTopic(topic, stream.partitions)
    const attention = new Attention(() => Date.now())
    attention.note('posts')
    const playing = play(attention, 2_000)
    for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate)
    expect(await records()).toBe(0)

    attention.note('orders')
    // Some 0.7 orders a second: 2,500 in an hour.
    await playing
    const before = await records()
    expect(before).toBeLessThan(4_000)
    attention.note('orders')
    await play(attention, before + 1)
    expect(await records()).toBeLessThan(before + 500)
  })

  it('has a model from the first line on where lines are learned from', { timeout: 120_000 }, async () => {
    const { ports, topic, stream, play } = setting('logs')
    await ports.log.createTopic(topic, stream.partitions)
    const attention = new Attention(() => Date.now())
    attention.note('logs')
    await play(attention, 1)
    expect((await activeModel(ports, 'logs'))?.version).toBeDefined()
  })
})
