import { partsOfItem } from './board-body.ts'
import type { BoardStores } from './boards.ts'

/**
 * Deletes the parts of a stream's boards that no item lists and none ever will again: what has been merged into others,
 * and what an attempt put and did not come to list. Resolves with how many went.
 *
 * Safe at any moment: a part of mark N is put by a writer whose condition is a lower mark, so once the board stands at N
 * or above, that writer's put of the item can only fail; and no item lists anew what an earlier one did not. Who still
 * goes by an earlier item finds the part gone, the item changed, and reads again (boards.ts).
 */
export async function sweepBoards({ keyed, objects }: BoardStores, stream: string): Promise<number> {
  let swept = 0
  for await (const { key } of objects.list(`board/${stream}/`)) {
    const place = placeOf(key)
    const item = place && (await keyed.get(place.pk, place.sk))
    if (item === undefined || place === undefined) continue
    if (Number(item.rev) < place.mark || lists(item.data, place.name)) continue
    await objects.delete(key)
    swept++
  }
  return swept
}

function lists(data: Uint8Array, name: string): boolean {
  return partsOfItem(data).some((part) => part.name === name)
}

/** `board/<stream>/<view>/<version>/<slot>/<epoch>/<topic>/<partition>/<mark>-<unique>`, as board-parts.ts names parts. */
function placeOf(key: string): { pk: string; sk: string; mark: number; name: string } | undefined {
  const match = /^board\/([^/]+)\/([^/]+)\/([^/]+)\/(.+)\/((\d{16})-[^/]+)$/.exec(key)
  if (match === null) return undefined
  const [, stream, view, version, sk = '', name = '', mark] = match
  return { pk: `board/${stream}.${view}/${version}`, sk, mark: Number(mark), name }
}
