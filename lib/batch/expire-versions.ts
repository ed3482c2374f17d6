import type { Ports } from '../ports/ports.ts'
import { readAllExpired, recordExpired } from '../state/batch-expired.ts'
import type { BatchPointer } from '../state/batch-pointer.ts'
import { expireBoards } from '../state/expire-boards.ts'
import { noteGone, noteVersions } from '../state/view-versions.ts'

/**
 * For so long a view version stays that no release declares any more, in the pointer and on its boards: a release may be taken
 * back. Far longer than a query of an old release.
 */
export const RETIRED_MS = 7 * 24 * 3_600_000

/**
 * Deletes the boards of view versions that no release has declared for `RETIRED_MS` and no pointer that may still be in use
 * names; only those of epochs below the horizon, which is recorded first. Should the version come back, its boards begin anew
 * at epochs that are not below it, `count` declares from which record on, and its queries fail until a recompute has published it
 * (rule 9 of docs/exactness.md). Resolves with how many boards went.
 */
export async function expireVersions(
  ports: Pick<Ports, 'keyed' | 'objects' | 'clock'>,
  stream: string,
  declared: readonly string[],
  { pointer, live }: { readonly pointer: BatchPointer; readonly live: readonly BatchPointer[] },
  untilMs: number,
): Promise<number> {
  const { keyed, clock } = ports
  const named = new Set(live.flatMap(({ views }) => Object.keys(views)))
  // Those of releases that came before this was noted are known by what has been deleted or published of them.
  const others = [...named, ...Object.keys(await readAllExpired(keyed, stream))]
  const versions = await noteVersions(keyed, stream, { declared, others }, clock.nowMs())
  const before = clock.nowMs() - RETIRED_MS
  const may = () => clock.nowMs() < untilMs
  let boards = 0
  for (const [name, { seenMs, gone }] of Object.entries(versions)) {
    if (gone === true || seenMs >= before || named.has(name) || declared.includes(name)) continue
    if (!may()) return boards
    await recordExpired(keyed, stream, { [name]: pointer.horizon })
    boards += await expireBoards(ports, name, pointer.horizon, may)
    if (may() && !(await hasBoards(ports, name))) await noteGone(keyed, stream, name, seenMs)
  }
  return boards
}

async function hasBoards({ keyed }: Pick<Ports, 'keyed'>, name: string): Promise<boolean> {
  for await (const _ of keyed.query(`board/${name}`)) return true
  return false
}
