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

/** A version that there is, used or not. */
export interface StoredTable {
  readonly name: string
  readonly version: string
  /** When its file was put; a file that was put again at the same moment by two writers has the later time. */
  readonly putMs: number
  readonly sizeBytes: number
  readonly inUse: boolean
}

/** What the keyed item says. */
interface Pointer extends TableVersion {
  /** How often the table was changed before: no two states of the item are alike, a version that is used again among them. */
  readonly changes?: number
}

/** Somebody else changed the same table at the same moment, or there is no such version. */
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
  const active = before === undefined ? undefined : tableVersion(before)
  if (active?.version.endsWith(`-${digest}`) === true) return active
  // Counted on from the highest, used or not: the one in use may be an earlier one.
  const last = (await tableVersions(ports, name)).at(-1)
  const number = last === undefined ? 1 : Number.parseInt(last.version, 10) + 1
  const version = `${String(number).padStart(6, '0')}-${digest}`
  // The version names the content: whatever stands there already is the same.
  await ports.objects.put(objectKey(name, version), bytes, 'absent')
  return point(ports, { name, version, sizeBytes: bytes.length }, before)
}

/**
 * Has a version used that was put before: how one rolls back. The one in use again does nothing. Throws a
 * ReferenceTableError where there is none, and where somebody else changed the table since this began.
 */
export async function activateTable(
  ports: ReferencePorts,
  name: string,
  version: string,
): Promise<TableVersion> {
  const before = await ports.keyed.get(PK, name)
  const versions = await tableVersions(ports, name)
  const found = versions.find((one) => one.version === version)
  if (found === undefined) {
    const all = versions.map((one) => one.version).join(', ')
    throw new ReferenceTableError(`the table ${name} has no version ${version}; it has ${all || 'none yet'}`)
  }
  const active = before === undefined ? undefined : tableVersion(before)
  if (active?.version === version) return active
  return point(ports, { name, version, sizeBytes: found.sizeBytes }, before)
}

async function point(
  { keyed, clock }: ReferencePorts,
  table: Omit<TableVersion, 'sinceMs'>,
  before: Item | undefined,
): Promise<TableVersion> {
  const changes = before === undefined ? 0 : (pointerOf(before).changes ?? 0) + 1
  const next: Pointer = { ...table, sinceMs: clock.nowMs(), changes }
  const rev = `${changes} ${table.version}`
  const data = Buffer.from(JSON.stringify(next))
  const condition = before === undefined ? 'absent' : { rev: before.rev }
  const put = await keyed.put({ pk: PK, sk: table.name, rev, data }, condition)
  if (put.ok) return { ...table, sinceMs: next.sinceMs }
  // A write whose answer was lost may have been repeated by the store's client.
  if (put.current?.rev === rev) return tableVersion(put.current)
  throw new ReferenceTableError(`the table ${table.name} was changed by somebody else: look, and try again`)
}

/** Every version of a table, oldest first. A put that was cut short leaves one that never was in use. */
export async function tableVersions(
  { keyed, objects }: Pick<Ports, 'keyed' | 'objects'>,
  name: string,
): Promise<readonly StoredTable[]> {
  const item = await keyed.get(PK, name)
  const active = item === undefined ? undefined : tableVersion(item).version
  const versions: StoredTable[] = []
  for await (const { key, modifiedMs, sizeBytes } of objects.list(`reference/${name}/`)) {
    const version = key.slice(`reference/${name}/`.length)
    versions.push({ name, version, putMs: modifiedMs, sizeBytes, inUse: version === active })
  }
  return versions
}

/** The file of a version. Throws a ReferenceTableError where there is none. */
export async function tableBytes(
  { objects }: Pick<Ports, 'objects'>,
  name: string,
  version: string,
): Promise<Uint8Array> {
  const stored = await objects.get(objectKey(name, version))
  if (stored !== undefined) return stored.bytes
  throw new ReferenceTableError(`the file of table ${name}, version ${version}, is missing`)
}

/** The versions in use, in order of name. */
export async function listTables({ keyed }: Pick<Ports, 'keyed'>): Promise<readonly TableVersion[]> {
  const versions: TableVersion[] = []
  for await (const item of keyed.query(PK)) versions.push(tableVersion(item))
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
      const bytes = await tableBytes(ports, name, version)
      try {
        tables[name] = definition.parse(bytes)
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

function pointerOf({ data }: Item): Pointer {
  return JSON.parse(Buffer.from(data).toString()) as Pointer
}

function tableVersion(item: Item): TableVersion {
  const { name, version, sinceMs, sizeBytes } = pointerOf(item)
  return { name, version, sinceMs, sizeBytes }
}

function objectKey(name: string, version: string): string {
  return `reference/${name}/${version}`
}
