import { sampleNetwork } from '../collect/demo-network.ts'
import type { Ports } from '../ports/ports.ts'
import { activeModel, publishModel } from '../state/models.ts'
import type { Stream } from '../stream/define.ts'
import type { Value } from '../stream/value.ts'

/** Some minutes of the demo's calm traffic: enough signatures for a forest, and trained in a second or two. */
const ROWS = 30_000
const SEED = 7

/** Trains and publishes a first model for the demo's traffic, unless the stream has one. Its version, if it did. */
export async function trainDemoModel(ports: Ports, stream: Stream): Promise<string | undefined> {
  if (stream.detector === undefined) return undefined
  if ((await activeModel(ports, stream.name)) !== undefined) return undefined
  const trained = stream.detector.train(demoValues(stream), { seed: SEED })
  const { version } = await publishModel(ports, stream.name, trained)
  return version
}

function* demoValues(stream: Stream): Generator<Value> {
  for (const { line } of sampleNetwork({ seed: SEED, rows: ROWS })) {
    const parsed = stream.parse(Buffer.from(line))
    if (parsed.ok) yield stream.enrich(parsed.value)
  }
}
