import { createHash } from 'node:crypto'
import type { Item } from '../ports/keyed-store.ts'
import type { Ports } from '../ports/ports.ts'
import type { Stream } from '../stream/define.ts'
import type { Scorer, TrainedModel } from '../stream/detector.ts'

/**
 * The model registry. A published model is two objects that never change, `models/<stream>/<version>/model.bin` and
 * `report.json`; which one scores is one keyed item, replaced under a condition. Every version stays.
 */
export interface ModelInfo {
  readonly stream: string
  /** `<number>-<digest>`: versions of a stream count up, and the digest is of the model's bytes. */
  readonly version: string
  readonly publishedMs: number
  /** The version that was active before; undefined for the first. */
  readonly parent: string | undefined
  readonly sizeBytes: number
  readonly report: TrainedModel['report']
}

export interface ListedModel extends ModelInfo {
  readonly active: boolean
}

type RegistryPorts = Pick<Ports, 'keyed' | 'objects' | 'clock'>

/** Somebody else published or activated at the same moment, or a version is not there. */
export class ModelRegistryError extends Error {
  override readonly name = 'ModelRegistryError'
}

interface Pointer {
  readonly version: string
  readonly sinceMs: number
}

const ACTIVE = 'active'
/** How old a running function's knowledge of which model is active may be. */
const POINTER_AGE_MAX_MS = 2_000
const DIGEST_CHARS = 12

/**
 * Stores a model and makes it the active one. Publishing the bytes that are already active does nothing. Throws a
 * ModelRegistryError where the active model is no longer `parent`, or changed while this was under way: the model was then
 * judged against another one.
 */
export async function publishModel(
  ports: RegistryPorts,
  stream: string,
  trained: TrainedModel,
  options: { readonly parent?: string | undefined } = {},
): Promise<ModelInfo> {
  const digest = createHash('sha256').update(trained.bytes).digest('hex').slice(0, DIGEST_CHARS)
  const item = await ports.keyed.get(pk(stream), ACTIVE)
  const active = item === undefined ? undefined : pointerOf(item).version
  if ('parent' in options && options.parent !== active) throw moved(stream)
  if (active?.endsWith(`-${digest}`) === true) return readInfo(ports, stream, active)
  const version = `${String((await highestNumber(ports, stream)) + 1).padStart(6, '0')}-${digest}`
  const info: ModelInfo = {
    stream,
    version,
    publishedMs: ports.clock.nowMs(),
    parent: active,
    sizeBytes: trained.bytes.length,
    report: trained.report,
  }
  // The report last: a version is listed once it is whole. Versions name their content, so what stands already is the same.
  await ports.objects.put(modelKey(stream, version), trained.bytes, 'absent')
  await ports.objects.put(reportKey(stream, version), Buffer.from(JSON.stringify(info)), 'absent')
  await point(ports, stream, version, item)
  return info
}

/** The version that scores; undefined before the first. */
export async function activeModel(
  ports: Pick<Ports, 'keyed'>,
  stream: string,
): Promise<{ readonly version: string; readonly sinceMs: number } | undefined> {
  const item = await ports.keyed.get(pk(stream), ACTIVE)
  return item === undefined ? undefined : pointerOf(item)
}

/** The bytes of a version. Throws a ModelRegistryError where there is no such version. */
export async function modelBytes(
  ports: Pick<Ports, 'objects'>,
  stream: string,
  version: string,
): Promise<Uint8Array> {
  const stored = await ports.objects.get(modelKey(stream, version))
  if (stored === undefined) throw new ModelRegistryError(`${stream} has no model ${version}`)
  return stored.bytes
}

/** All versions of a stream, oldest first. */
export async function listModels(
  ports: Pick<Ports, 'keyed' | 'objects'>,
  stream: string,
): Promise<readonly ListedModel[]> {
  const active = (await activeModel(ports, stream))?.version
  const models: ListedModel[] = []
  for (const version of await versionsOf(ports, stream))
    models.push({ ...(await readInfo(ports, stream, version)), active: version === active })
  return models
}

/** Makes a published version the active one again, or for the first time: how one rolls back. */
export async function activate(ports: RegistryPorts, stream: string, version: string): Promise<ModelInfo> {
  const versions = await versionsOf(ports, stream)
  if (!versions.includes(version))
    throw new ModelRegistryError(
      `${stream} has no model ${version}; it has ${versions.join(', ') || 'none yet'}`,
    )
  const item = await ports.keyed.get(pk(stream), ACTIVE)
  await point(ports, stream, version, item)
  return readInfo(ports, stream, version)
}

/**
 * A function that gives the scorer of the active model, kept warm between batches. It looks at the pointer at most every
 * two seconds, so a published model scores within seconds and without a restart. Undefined before the first model and for
 * a stream without a detector, unless it declares a scorer that needs no model.
 *
 * Where the registry cannot be read the last scorer goes on; a function that has never read it throws instead, so that
 * its batch is delivered again: not knowing the model is not the same as having none. A model that does not load (another
 * release's, or the stream's fields changed) is reported once, and the last scorer goes on, or none.
 */
export function activeScorer(
  ports: RegistryPorts,
  { name, detector, scorer: fixed }: Pick<Stream, 'name' | 'detector'> & Partial<Pick<Stream, 'scorer'>>,
): () => Promise<Scorer | undefined> {
  if (detector === undefined) return async () => fixed
  let scorer: Scorer | undefined
  let seenVersion: string | undefined
  let lookedMs = Number.NEGATIVE_INFINITY
  let known = false
  const look = async () => {
    const version = (await activeModel(ports, name))?.version
    if (version !== undefined && version !== seenVersion) {
      const bytes = await modelBytes(ports, name, version)
      seenVersion = version
      try {
        scorer = detector.load(bytes, version)
      } catch (error) {
        report(name, `model ${version} does not load`, scorer, error)
      }
    }
    known = true
  }
  return async () => {
    const nowMs = ports.clock.nowMs()
    // A clock that stepped back must not stop the looking.
    if (Math.abs(nowMs - lookedMs) < POINTER_AGE_MAX_MS) return scorer
    try {
      await look()
    } catch (error) {
      if (!known) throw error
      report(name, 'the model registry cannot be read', scorer, error)
    }
    lookedMs = nowMs
    return scorer
  }
}

function report(stream: string, what: string, scorer: Scorer | undefined, error: unknown): void {
  const { message } = error instanceof Error ? error : new Error(String(error))
  const goesOnWith = scorer?.version ?? 'no model'
  console.error(JSON.stringify({ level: 'error', part: 'models', stream, what, goesOnWith, message }))
}

async function point(
  { keyed, clock }: RegistryPorts,
  stream: string,
  version: string,
  before: Item | undefined,
): Promise<void> {
  if (before !== undefined && pointerOf(before).version === version) return
  const pointer: Pointer = { version, sinceMs: clock.nowMs() }
  const rev = String(Number(before?.rev ?? 0) + 1)
  const data = Buffer.from(JSON.stringify(pointer))
  const condition = before === undefined ? 'absent' : { rev: before.rev }
  const put = await keyed.put({ pk: pk(stream), sk: ACTIVE, rev, data }, condition)
  if (put.ok) return
  // A write whose answer was lost may have been repeated by the store's client.
  if (put.current !== undefined && pointerOf(put.current).version === version) return
  throw moved(stream)
}

function moved(stream: string): ModelRegistryError {
  return new ModelRegistryError(
    `the active model of ${stream} was changed by somebody else: look, and try again`,
  )
}

async function versionsOf({ objects }: Pick<Ports, 'objects'>, stream: string): Promise<readonly string[]> {
  const versions: string[] = []
  for await (const { key } of objects.list(`models/${stream}/`)) {
    const [, , version, file] = key.split('/')
    if (file === 'report.json' && version !== undefined) versions.push(version)
  }
  return versions
}

async function highestNumber(ports: Pick<Ports, 'objects'>, stream: string): Promise<number> {
  const last = (await versionsOf(ports, stream)).at(-1)
  return last === undefined ? 0 : Number.parseInt(last, 10)
}

async function readInfo(
  { objects }: Pick<Ports, 'objects'>,
  stream: string,
  version: string,
): Promise<ModelInfo> {
  const stored = await objects.get(reportKey(stream, version))
  if (stored === undefined) throw new ModelRegistryError(`${stream} has no model ${version}`)
  const info = JSON.parse(Buffer.from(stored.bytes).toString()) as ModelInfo
  return { ...info, parent: info.parent }
}

function pointerOf({ data }: Item): Pointer {
  return JSON.parse(Buffer.from(data).toString()) as Pointer
}

function pk(stream: string): string {
  return `model/${stream}`
}

function modelKey(stream: string, version: string): string {
  return `models/${stream}/${version}/model.bin`
}

function reportKey(stream: string, version: string): string {
  return `models/${stream}/${version}/report.json`
}
