import { readPointer } from './board-body.ts'
import type { BoardStores } from './boards.ts'

/**
 * Deletes the bodies of a stream's boards that no item points to and none ever will again: what has been replaced, and
 * what an attempt put and did not come to point to. Resolves with how many went.
 *
 * Safe at any moment: a body of mark N is put by a writer whose condition is a lower mark, so once the board stands at N
 * or above, that writer's put of the item can only fail. A reader that still holds the pointer finds the body gone, the
 * item changed, and reads again (boards.ts).
 */
export async function sweepBoards({ keyed, objects }: BoardStores, stream: string): Promise<number> {
  let swept = 0
  for await (const { key } of objects.list(`board/${stream}/`)) {
    const place = placeOf(key)
    const item = place && (await keyed.get(place.pk, place.sk))
    if (item === undefined || place === undefined) continue
    if (Number(item.rev) < place.mark || readPointer(item.data)?.object === key) continue
    await objects.delete(key)
    swept++
  }
  return swept
}

/** `board/<stream>/<view>/<version>/<slot>/<epoch>/<topic>/<partition>/<mark>-<unique>`, as BoardStore names bodies. */
function placeOf(key: string): { pk: string; sk: string; mark: number } | undefined {
  const match = /^board\/([^/]+)\/([^/]+)\/([^/]+)\/(.+)\/(\d{16})-[^/]+$/.exec(key)
  if (match === null) return undefined
  const [, stream, view, version, sk = '', mark] = match
  return { pk: `board/${stream}.${view}/${version}`, sk, mark: Number(mark) }
}
