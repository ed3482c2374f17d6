import type { KeyedStore } from '../../ports/keyed-store.ts'
import { readAllProgress } from '../../state/progress.ts'
import { coverage, readSinces, sinceId } from '../../state/view-since.ts'
import { topicName } from '../../stream/topic.ts'
import type { View } from '../../views/view.ts'

/**
 * From which append time on the boards hold every record of every partition, ms; undefined: from the start. Now, where
 * there are records that `count` has passed and has not applied the view to since.
 */
export async function boardsSince(keyed: KeyedStore, view: View, nowMs: number): Promise<number | undefined> {
  const [stream = ''] = view.id.split('.')
  const topic = topicName(stream, 'raw')
  const counted = await readAllProgress(keyed, 'count', topicName(stream, 'enriched'))
  const declared = await readSinces(keyed, view)
  const current = [...counted].map(([partition, progress]) => {
    const {
      from,
      mixed,
      sinceMs = nowMs,
    } = coverage(view, progress, declared.get(sinceId({ topic, partition })))
    return from > 0 || mixed ? sinceMs : 0
  })
  // Of topics of other generations, whose progress stands still.
  const others = [...declared].flatMap(([id, { from, sinceMs = nowMs }]) =>
    from > 0 && !id.startsWith(`${topic}/`) ? [sinceMs] : [],
  )
  const latest = Math.max(0, ...current, ...others)
  return latest === 0 ? undefined : latest
}
