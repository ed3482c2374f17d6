import { PortError } from '../ports/errors.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import { batchKey } from './batch-pointer.ts'

/**
 * Which view versions releases of a stream have declared, as recomputes saw them: the keyed store cannot be asked for it, and
 * boards of a version that no release declares any more would stay for good.
 */
export type ViewVersions = Readonly<Record<string, SeenVersion>>

export interface SeenVersion {
  /** When a run of a release that declares it was last seen, ms. */
  readonly seenMs: number
  /** Its boards have been deleted since. */
  readonly gone?: true
}

const VERSIONS = 'versions'
const TRIES_MAX = 20

export async function readViewVersions(keyed: KeyedStore, stream: string): Promise<ViewVersions> {
  const item = await keyed.get(batchKey(stream), VERSIONS)
  return item === undefined ? {} : versionsOf(item.data)
}

/**
 * Notes the versions that this release declares as seen now, and of `others` those that were not known, by `versionName`: their
 * time begins now. Resolves with all.
 */
export function noteVersions(
  keyed: KeyedStore,
  stream: string,
  { declared, others }: { readonly declared: readonly string[]; readonly others: readonly string[] },
  nowMs: number,
): Promise<ViewVersions> {
  return change(keyed, stream, (before) => {
    const after: Record<string, SeenVersion> = { ...before }
    for (const name of others) after[name] ??= { seenMs: nowMs }
    for (const name of declared) after[name] = { seenMs: Math.max(nowMs, before[name]?.seenMs ?? 0) }
    return after
  })
}

/** Notes that a version's boards are deleted, unless a release has declared it since `seenMs`. */
export async function noteGone(
  keyed: KeyedStore,
  stream: string,
  name: string,
  seenMs: number,
): Promise<void> {
  await change(keyed, stream, (before) => {
    const same = before[name]?.seenMs === seenMs
    return same ? { ...before, [name]: { seenMs, gone: true } } : before
  })
}

async function change(
  keyed: KeyedStore,
  stream: string,
  edit: (before: ViewVersions) => ViewVersions,
): Promise<ViewVersions> {
  const pk = batchKey(stream)
  let current = await keyed.get(pk, VERSIONS)
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const after = edit(current === undefined ? {} : versionsOf(current.data))
    const rev = String(Number(current?.rev ?? 0) + 1)
    const item = { pk, sk: VERSIONS, rev, data: Buffer.from(JSON.stringify(after)) }
    const result = await keyed.put(item, current === undefined ? 'absent' : { rev: current.rev })
    if (result.ok) return after
    current = result.current
  }
  throw new PortError('THROTTLED', `${pk} ${VERSIONS} changed ${TRIES_MAX} times under one write`, {
    curable: true,
  })
}

function versionsOf(data: Uint8Array): ViewVersions {
  return JSON.parse(Buffer.from(data).toString()) as ViewVersions
}
