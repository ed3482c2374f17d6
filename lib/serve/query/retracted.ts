import { readBatchIndex } from '../../state/batch-read.ts'
import type { BoardStores } from '../../state/boards.ts'
import { retractionsOf } from '../../state/covered-retractions.ts'
import { allRetractions, type Retraction } from '../../state/retractions.ts'
import type { View } from '../../views/view.ts'

/**
 * How many retractions, or withdrawals of one, an answer does not show yet: recorded after the batch view was planned, or
 * of records that are still on boards. `index`: of the batch view that answered, undefined where none did.
 */
export async function retractionsPending(
  { keyed, objects }: BoardStores,
  view: View,
  index: string | undefined,
): Promise<number> {
  const [stream = ''] = view.id.split('.')
  const all = await allRetractions(keyed, stream)
  if (all.length === 0) return 0
  const active = all.filter(({ withdrawn }) => withdrawn === undefined)
  if (index === undefined) return active.length
  const { covers } = await readBatchIndex(objects, { index })
  const shown = new Set((retractionsOf(covers, all) ?? []).map(({ id }) => id))
  const onBoards = ({ topic, partition, to }: Retraction) =>
    to > (covers.partitions.find((one) => one.topic === topic && one.partition === partition)?.below ?? 0)
  const isPending = (one: Retraction) =>
    one.withdrawn === undefined ? !shown.has(one.id) || onBoards(one) : shown.has(one.id)
  return all.filter(isPending).length
}
