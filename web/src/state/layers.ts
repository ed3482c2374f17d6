import type { QueryAnswer } from '../../../lib/serve/dashboard-messages.ts'
import { fullTime } from '../format.ts'

export type Layer = 'merged' | 'batch' | 'speed'

/** What the page calls each layer. */
export const LAYERS: Readonly<Record<Layer, string>> = { merged: 'Both', batch: 'Batch', speed: 'Speed' }

/** Where the layers of an answer meet, and what it lacks, for people. */
export function layersText({ horizon, since }: Pick<QueryAnswer, 'horizon' | 'since'>, layer: Layer): string {
  const meet = meeting(timeOf(horizon), layer)
  if (since === null || since === undefined) return meet
  const from = fullTime(timeOf(since) ?? 0)
  return `${meet} This view is newer than some records: those appended before ${from} join it at the next recompute.`
}

function meeting(horizonMs: number | undefined, layer: Layer): string {
  if (horizonMs === undefined)
    return layer === 'batch'
      ? 'No batch view yet: a recompute makes one.'
      : 'No batch view yet: everything comes from the speed layer.'
  const horizon = fullTime(horizonMs)
  if (layer === 'batch') return `Records appended before ${horizon}.`
  if (layer === 'speed') return `Records appended from ${horizon} on.`
  return `Batch view up to ${horizon}, speed layer from there on.`
}

/** ms since 1970 of a time given as text or as ms; undefined where there is none. */
function timeOf(time: string | number | null): number | undefined {
  if (time === null || time === 0) return undefined
  const ms = typeof time === 'number' ? time : Date.parse(time)
  return Number.isFinite(ms) ? ms : undefined
}
