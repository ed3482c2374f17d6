import type { BoardStores } from './boards.ts'

/**
 * Deletes a view's boards of epochs before `epoch`, and the bodies of those that are objects. `name`: `versionName` of the
 * view. To be called after `recordExpired`, so that who misses one knows. Goes on while `may`; resolves with how many went.
 *
 * A late writer may put such a board again: it holds what no query asks for any more, and the next call takes it away.
 */
export async function expireBoards(
  { keyed, objects }: BoardStores,
  name: string,
  epoch: number,
  may: () => boolean,
): Promise<number> {
  let gone = 0
  const pk = `board/${name}`
  for await (const { sk } of keyed.query(pk)) {
    if (!may()) return gone
    if (epochOfKey(sk) >= epoch) continue
    if (await keyed.delete(pk, sk, 'any')) gone++
  }
  for await (const { key } of objects.list(`board/${name.replace('.', '/')}/`)) {
    if (!may()) return gone
    const [, , , , slot = '', epochText = ''] = key.split('/')
    if (epochOfKey(`${slot}/${epochText}`) < epoch) await objects.delete(key)
  }
  return gone
}

/** `<slot>/<epoch>/<topic>/<partition>` */
function epochOfKey(sk: string): number {
  return Number(sk.split('/')[1])
}
