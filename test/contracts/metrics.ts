import { describe, expect, it } from 'vitest'
import type { BatchFigures, Metrics } from '../../lib/ports/metrics.ts'

export interface OpenMetrics {
  readonly metrics: Metrics
  /** What has arrived so far, wherever these metrics go. */
  arrived(): Promise<readonly BatchFigures[]>
  close(): Promise<void>
}

/** The contract of lib/ports/metrics.ts. */
export function metricsContract(name: string, open: () => Promise<OpenMetrics>): void {
  describe(`metrics: ${name}`, () => {
    it('hands on stage, stream and figures', async () => {
      const { metrics, arrived, close } = await open()
      const batch = { stage: 'score', stream: 'network', figures: { records: 5, durationMs: 1.5 } }
      metrics.record(batch)
      await expect.poll(arrived).toEqual([batch])
      await close()
    })

    it('takes any number of any kind without throwing or waiting', async () => {
      const { metrics, close } = await open()
      const figures = { nan: Number.NaN, infinite: Number.POSITIVE_INFINITY, negative: -1, tiny: 1e-300 }
      expect(metrics.record({ stage: 's', stream: 't', figures })).toBeUndefined()
      expect(metrics.record({ stage: '', stream: '', figures: {} })).toBeUndefined()
      await close()
      expect(metrics.record({ stage: 's', stream: 't', figures })).toBeUndefined()
    })
  })
}
