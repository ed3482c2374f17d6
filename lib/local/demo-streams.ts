import { demoLogs } from '../collect/demo-logs.ts'
import { demoNids } from '../collect/demo-nids.ts'
import { demoOrders } from '../collect/demo-orders.ts'
import { demoPosts } from '../collect/demo-posts.ts'
import type { DemoRecord, DemoStream } from '../collect/demo-record.ts'
import { pacedSource } from '../collect/paced-source.ts'
import { startRun } from '../collect/run.ts'
import type { Ports } from '../ports/ports.ts'
import { activeModel, publishModel } from '../state/models.ts'
import type { Stream } from '../stream/define.ts'
import type { Observed } from '../stream/detector.ts'
import { topicName } from '../stream/topic.ts'
import type { Attention } from './attention.ts'

/** Streams that the demo can play besides the network. */
export const DEMO_STREAMS: ReadonlyMap<string, DemoStream> = new Map([
  ['nids', demoNids],
  ['logs', demoLogs],
  ['posts', demoPosts],
  ['orders', demoOrders],
])

export interface DemoPlay {
  readonly ports: Ports
  readonly stream: Stream
  readonly demo: DemoStream
  readonly attention: Attention
  readonly signal: AbortSignal
}

/** A stream that nobody has looked at for so long rests. */
const REST_AFTER_MS = 60_000
/** A first look finds charts with something in them. */
const PAST_MS = 3_600_000
/** What a first model learns from: enough slots to say how rates vary. */
const LEARNT_MS = 2 * PAST_MS
/** A few records a second need no wake-up each. */
const FRAME_MS = 1_000

/**
 * Plays a stream of the demo while somebody looks at it, so that what nobody looks at costs nothing. Its first records are
 * those of the hour before. Resolves when the signal aborts; rejects where a run fails.
 */
export async function playDemoStream({ ports, stream, demo, attention, signal }: DemoPlay): Promise<void> {
  for (let seed = 1; !signal.aborted; seed++) {
    if (!attention.lately(stream.name, REST_AFTER_MS)) await attention.next(stream.name, signal)
    if (signal.aborted) return
    const startMs = ports.clock.nowMs()
    await learnDemo(ports, stream, demo, startMs)
    const pastMs = (await isEmpty(ports, stream)) ? PAST_MS : 0
    const source = pacedSource({
      name: `demo ${stream.name}, seed ${seed}`,
      records: () => demo({ seed, startMs, pastMs }),
      clock: ports.clock,
      frameMs: FRAME_MS,
      over: () => !attention.lately(stream.name, REST_AFTER_MS),
    })
    await startRun({ ports, stream, sources: [source], signal })
  }
}

async function isEmpty({ log }: Ports, { name }: Stream): Promise<boolean> {
  const topic = topicName(name, 'raw')
  const { partitions = 0 } = (await log.describeTopic(topic)) ?? {}
  for (let partition = 0; partition < partitions; partition++)
    if ((await log.offsets(topic, partition)).end > 0) return false
  return true
}

/** A first model of a detector that learns from all there is, from hours like the one that will have been. */
async function learnDemo(ports: Ports, stream: Stream, demo: DemoStream, startMs: number): Promise<void> {
  const { detector } = stream
  if (detector?.learn === undefined || (await activeModel(ports, stream.name)) !== undefined) return
  const observed = [...observe(stream, demo({ seed: 1, startMs, pastMs: LEARNT_MS }), startMs)]
  const records = async function* () {
    yield observed
  }
  await publishModel(ports, stream.name, await detector.learn(records, { seed: 1, active: undefined }))
}

function* observe(stream: Stream, records: Iterable<DemoRecord>, startMs: number): Generator<Observed> {
  for (const { line, atMs } of records) {
    if (atMs >= 0) return
    const parsed = stream.parse(Buffer.from(line))
    if (!parsed.ok) continue
    const eventTimeMs = stream.timeOf(parsed.value, startMs + atMs) ?? startMs + atMs
    yield { value: stream.enrich(parsed.value), eventTimeMs }
  }
}
