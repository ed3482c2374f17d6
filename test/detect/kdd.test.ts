import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { ranking } from '../../lib/detect/evaluation.ts'
import type { DetectorDefinition } from '../../lib/stream/detector.ts'
import type { Value } from '../../lib/stream/value.ts'
import { network } from '../../streams/network.ts'

const FILE = new URL('../../../shared/data/network/kddcup.data_10_percent.gz', import.meta.url)

/** The first lines of the KDD Cup 1999 10 % file; `node bench/detect/forest.ts` measures all of it. */
function firstRows(count: number): Value[] {
  const lines = gunzipSync(readFileSync(FILE)).toString('latin1').split('\n', count)
  return lines.map((line) => {
    const parsed = network.parse(Buffer.from(line))
    if (!parsed.ok) throw new Error(parsed.reason)
    return network.enrich(parsed.value)
  })
}

describe.skipIf(!existsSync(FILE))(
  'the network detector on KDD Cup 1999 (skipped without ../shared/data)',
  () => {
    it('trained on the first 60,000 records, finds the attacks of the next 40,000', {
      timeout: 240_000,
    }, () => {
      const rows = firstRows(100_000)
      const detector = network.detector as DetectorDefinition
      const { bytes } = detector.train(rows.slice(0, 60_000), { seed: 1 })
      const scorer = detector.load(bytes, 'v')
      const next = rows.slice(60_000)
      const scores = scorer.scores(next)
      const anomalous = Uint8Array.from(next, ({ label }) => (String(label).startsWith('normal') ? 0 : 1))
      expect(ranking(scores, anomalous).auc).toBeGreaterThan(0.98)
      const alerts = [...scores.keys()].filter((i) => (scores[i] as number) >= scorer.threshold)
      const right = alerts.filter((i) => anomalous[i] === 1).length
      expect(right / alerts.length).toBeGreaterThan(0.9)
    })

    it('never reads the label', () => {
      expect(network.detector?.features).not.toContain('label')
      expect(network.columns.map(({ name }) => name)).toEqual(
        expect.arrayContaining([...(network.detector?.features ?? [])]),
      )
    })
  },
)
