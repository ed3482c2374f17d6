import { createHash } from 'node:crypto'
import type { Item } from '../ports/keyed-store.ts'
import type { Ports } from '../ports/ports.ts'
import type { Stream } from '../stream/define.ts'
import { emptyTables, type LoadedTables } from '../stream/table.ts'

/**
 * Reference tables: what streams look things up in while they enrich. A version is one object that never changes,
 * `reference/<name>/<version>`; which one is in use is one keyed item, replaced under a condition. Every version stays.
 */
export interface TableVersion {
  readonly name: string
  /** `<number>-<digest>`: versions of a table count up, and the digest is of the file's bytes. */
  readonly version: string
  readonly sinceMs: number
  readonly sizeBytes: number
}

/** Somebody else put the same table at the same moment. */
export class ReferenceTableError extends Error {
  override readonly name = 'ReferenceTableError'
}

type ReferencePorts = Pick<Ports, 'keyed' | 'objects' | 'clock'>

const PK = 'reference'
/** How old a running function's knowledge of which tables are in use may be. */
const POINTER_AGE_MAX_MS = 2_000
const DIGEST_CHARS = 12

/** Stores a file as the table's next version and has it used from now on. The bytes in use put again do nothing. */
export async function putTable(
  ports: ReferencePorts,
  name: string,
  bytes: Uint8Array,
): Promise<TableVersion> {
  const digest = digestOf(bytes)
  const before = await ports.keyed.get(PK, name)
  const active = before === undefined ? undefined : pointerOf(before)
  if (active?.version.endsWith(`-${digest}`) === true) return active
  const number = active === undefined ? 1 : Number.parseInt(active.version, 10) + 1
  const version = `${String(number).padStart(6, '0')}-${digest}`
  const next: TableVersion = { name, version, sinceMs: ports.clock.nowMs(), sizeBytes: bytes.length }
  // The version names the content: whatever stands there already is the same.
  await ports.objects.put(objectKey(name, version), bytes, 'absent')
  const data = Buffer.from(JSON.stringify(next))
  const condition = before === undefined ? 'absent' : { rev: before.rev }
  const put = await ports.keyed.put({ pk: PK, sk: name, rev: version, data }, condition)
  // A write whose answer was lost may have been repeated by the store's client.
  if (put.ok || put.current?.rev === version) return next
  throw new ReferenceTableError(`the table ${name} was changed by somebody else: look, and try again`)
}

/** The versions in use, in order of name. */
export async function listTables({ keyed }: Pick<Ports, 'keyed'>): Promise<readonly TableVersion[]> {
  const versions: TableVersion[] = []
  for await (const item of keyed.query(PK)) versions.push(pointerOf(item))
  return versions
}

/**
 * A function that gives the stream's tables, kept warm between batches. It looks which versions are in use at most every
 * two seconds, so that a table that was put is used within seconds and without a restart. Undefined for a stream without
 * tables. One that does not load is reported once, and the last one goes on; where the tables cannot be read at all, a
 * function that has never read them throws, so that its batch is delivered again.
 */
export function activeTables(
  ports: ReferencePorts,
  { name: stream, tables: definitions }: Pick<Stream, 'name' | 'tables'>,
): () => Promise<LoadedTables | undefined> {
  const names = Object.keys(definitions)
  if (names.length === 0) return async () => undefined
  const seen = new Map<string, string>()
  const used = new Map<string, string>()
  let loaded: LoadedTables | undefined
  let lookedMs = Number.NEGATIVE_INFINITY
  const look = async () => {
    const tables: Record<string, unknown> = { ...(loaded ?? emptyTables(definitions)).tables }
    for (const { name, version } of await listTables(ports)) {
      const definition = definitions[name]
      if (definition === undefined || seen.get(name) === version) continue
      const stored = await ports.objects.get(objectKey(name, version))
      if (stored === undefined) throw new Error(`the file of table ${name}, version ${version}, is missing`)
      try {
        tables[name] = definition.parse(stored.bytes)
        used.set(name, version)
      } catch (error) {
        report(stream, `table ${name} ${version} does not load`, error)
      }
      seen.set(name, version)
    }
    loaded = { version: setVersion(used), tables }
  }
  return async () => {
    const nowMs = ports.clock.nowMs()
    // A clock that stepped back must not stop the looking.
    if (Math.abs(nowMs - lookedMs) < POINTER_AGE_MAX_MS) return loaded
    try {
      await look()
    } catch (error) {
      if (loaded === undefined) throw error
      report(stream, 'the reference tables cannot be read', error)
    }
    lookedMs = nowMs
    return loaded
  }
}

/** One name for a set of versions, short enough for every record: `sid-msg 000002-... ...` by its hash. */
export function setVersion(versions: ReadonlyMap<string, string>): string {
  if (versions.size === 0) return ''
  const text = [...versions].map(([name, version]) => `${name} ${version}`).sort()
  return digestOf(Buffer.from(text.join('\n')))
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST_CHARS)
}

function report(stream: string, what: string, error: unknown): void {
  const { message } = error instanceof Error ? error : new Error(String(error))
  console.error(JSON.stringify({ level: 'error', part: 'reference', stream, what, message }))
}

function pointerOf({ data }: Item): TableVersion {
  return JSON.parse(Buffer.from(data).toString()) as TableVersion
}

function objectKey(name: string, version: string): string {
  return `reference/${name}/${version}`
}
