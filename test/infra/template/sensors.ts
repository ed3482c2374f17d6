import { z } from 'zod'
import { defineStream } from '../../../lib/stream/define.ts'
import type { DetectorDefinition } from '../../../lib/stream/detector.ts'

const unused = () => {
  throw new Error('synthesis must not run a detector')
}

const detect: DetectorDefinition = { kind: 'forest', features: ['celsius'], train: unused, load: unused }

/** A stream that no release of Weir has: the app must follow whatever is declared. */
export const sensors = defineStream({
  name: 'sensors',
  title: 'Sensors',
  description: 'Temperatures',
  format: { name: 'json', compile: () => (bytes) => JSON.parse(bytes.toString()) },
  schema: z.object({ id: z.string(), celsius: z.number() }),
  detect,
  views: {},
  partitions: 6,
})
