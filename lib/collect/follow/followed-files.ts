import { open, readdir, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Framing } from '../../stream/format.ts'
import { isGzip } from '../gunzip.ts'
import type { InputSession, LiveBlock } from '../live-input.ts'
import { SourceError } from '../source-error.ts'
import { findFiles } from '../sources.ts'
import { gunzipped, gzipContent, plainContent } from './content.ts'
import { endOf } from './end-of.ts'
import { type Content, NO_PRINTS, printsAt } from './fingerprint.ts'
import type { FollowOptions } from './follow-input.ts'
import { detailOf, type FilePlace, type FileState, FollowedFile, resumeOf, stateOf } from './followed-file.ts'
import { Rollover } from './rollover.ts'
import { checkStart, startIn } from './start-at.ts'

const LINGER_MS = 10_000
/** A file that begins as another that is still whole may be a copy being made before that one is truncated. */
const COPY_MS = 5000
/** Less content than this is too little to know a file again by, but for its inode. */
const KNOWN_BYTES_MIN = 256

/** A file found whose content is that of one which is followed: a copy, or by chance the same. */
interface Twin {
  sizeBytes: number
  sinceMs: number
}

/** The files that are followed, and what has become of each. */
export class FollowedFiles {
  readonly #session: InputSession
  readonly #options: FollowOptions
  readonly #lingerMs: number
  /** Where they were found last. */
  readonly #present = new Map<string, FollowedFile>()
  /** Not found, or found with another content: read on in a copy, or what is left of them. */
  readonly #missing = new Set<FollowedFile>()
  readonly #twins = new Map<string, Twin>()
  readonly #rollover: Rollover | undefined
  /** Of files that are there at the first start: where they end, if they are followed from there. */
  readonly #ends = new Map<string, FileState>()
  #first: boolean
  #loaded = false

  constructor(session: InputSession, options: FollowOptions) {
    this.#session = session
    this.#options = options
    this.#lingerMs = options.lingerMs ?? LINGER_MS
    this.#first = session.known.length === 0
    const { onRollover } = options
    this.#rollover = onRollover && new Rollover(session, onRollover)
  }

  /** Looks what is there, and gives the rest of files that will not come back. */
  async *scan(nowMs: number): AsyncGenerator<LiveBlock, void> {
    this.#load(nowMs)
    const found = await this.#find()
    const { startAt, fromEnd } = this.#options
    if (this.#first && startAt !== undefined) checkStart(startAt, found.values())
    if (this.#first && fromEnd === true) await this.#findEnds(found)
    await this.#track(found, nowMs)
    const unknown = [...found.values()].filter((place) => !this.#present.has(keyOf(place)))
    for (const place of unknown) await this.#meet(place, nowMs)
    for (const file of this.#missing) await this.#search(file, found)
    yield* this.#giveUp(nowMs)
    for (const file of this.#present.values()) if (nowMs - file.activeMs > this.#lingerMs) await file.close()
    this.#first = false
    this.#ends.clear()
    await this.#rollover?.look(this.#present.values())
  }

  /** What has come since in every file. */
  async *read(nowMs: number): AsyncGenerator<LiveBlock, void> {
    for (const file of [...this.#missing, ...this.#present.values()]) {
      if (file.isAsleep) continue
      const what = await file.look()
      if (what === 'same') yield* file.read(nowMs)
      else if (what === 'other') await this.#replaced(file, nowMs)
    }
  }

  async close(): Promise<void> {
    for (const file of [...this.#present.values(), ...this.#missing]) await file.close()
  }

  /** Of earlier processes: missing until they are found. */
  #load(nowMs: number): void {
    if (this.#loaded) return
    this.#loaded = true
    for (const known of this.#session.known)
      this.#missing.add(
        new FollowedFile(this.#session, known.source, stateOf(known), nowMs, this.#options.framing),
      )
  }

  async #find(): Promise<ReadonlyMap<string, FilePlace>> {
    const found = new Map<string, FilePlace>()
    for (const path of this.#options.paths)
      for (const file of await findFiles(path).catch(() => [])) {
        const place = await placeOf(file)
        if (place !== undefined) found.set(keyOf(place), place)
      }
    return found
  }

  /** Files known by their inode: where they are now, and which are not there any more. */
  async #track(found: ReadonlyMap<string, FilePlace>, nowMs: number): Promise<void> {
    for (const [key, file] of this.#present)
      if (!found.has(key)) {
        this.#present.delete(key)
        this.#missing.add(file)
        file.activeMs = nowMs
      }
    for (const [key, place] of found) {
      const file = this.#present.get(key) ?? [...this.#missing].find(({ state }) => keyOf(state) === key)
      if (file === undefined) continue
      await file.moveTo(place)
      const what = file.isAsleep ? 'same' : await file.look()
      if (what === 'same') this.#settle(file)
      else if (what === 'other') await this.#replaced(file, nowMs)
    }
  }

  #settle(file: FollowedFile): void {
    this.#missing.delete(file)
    this.#present.set(keyOf(file.state), file)
  }

  /** Its file holds something else now: that is a new source, and what was there before may be in a copy. */
  async #replaced(file: FollowedFile, nowMs: number): Promise<void> {
    const { path, dev, ino } = file.state
    await file.close()
    this.#present.delete(keyOf(file.state))
    // A device and inode that no file has: it is known by its content only.
    await file.moveTo({ path, dev: -1, ino: -file.source, sizeBytes: 0 })
    file.activeMs = nowMs
    this.#missing.add(file)
    await this.#begin({ path, dev, ino, sizeBytes: 0 }, nowMs)
  }

  /** A file nobody has seen: the rest of one that is missing, a copy of one that is not, or a new one. */
  async #meet(place: FilePlace, nowMs: number): Promise<void> {
    const rest = await this.#restOf(place, this.#missing)
    if (rest !== undefined) {
      await rest.moveTo(place)
      this.#settle(rest)
    } else if (!(await this.#mayBeCopy(place, nowMs))) await this.#begin(place, nowMs)
  }

  async #begin(place: FilePlace, nowMs: number): Promise<void> {
    this.#twins.delete(keyOf(place))
    const state = this.#first ? await this.#firstState(place) : atStartOf(place)
    const source = await this.#session.create(detailOf(state), resumeOf(state))
    this.#settle(new FollowedFile(this.#session, source, state, nowMs, this.#options.framing))
  }

  /** Of all files before the first is begun: at another start, those that were not begun would be new, and read whole. */
  async #findEnds(found: ReadonlyMap<string, FilePlace>): Promise<void> {
    for (const [key, place] of found) this.#ends.set(key, await atEndOf(place, this.#options.framing))
  }

  /** Of a file that is there at the first start. */
  async #firstState(place: FilePlace): Promise<FileState> {
    const { fromEnd, startAt } = this.#options
    if (fromEnd === true) return this.#ends.get(keyOf(place)) ?? atStartOf(place)
    const start = startAt && startIn(startAt, place.path)
    if (start === undefined) return atStartOf(place)
    const state = await withContent(place.path, async (content, gzip) => {
      const sizeBytes = gzip ? await unpackedBytes(place.path) : place.sizeBytes
      const next = start === 'end' ? sizeBytes : start
      if (next > sizeBytes)
        throw new SourceError(`${place.path} has ${sizeBytes} bytes: there is no offset ${next} to start at`)
      return { ...place, next, ...(await printsAt(content, next)) }
    })
    return state ?? atStartOf(place)
  }

  async #restOf(place: FilePlace, files: Iterable<FollowedFile>): Promise<FollowedFile | undefined> {
    return withContent(place.path, async (content) => {
      for (const file of files)
        if (file.state.head.bytes >= KNOWN_BYTES_MIN && (await file.isIn(content))) return file
      return undefined
    })
  }

  /** True while it is, so far, what a file that is still whole begins with: that one may be about to be truncated. */
  async #mayBeCopy(place: FilePlace, nowMs: number): Promise<boolean> {
    const twin = this.#twins.get(keyOf(place))
    const { size } = await stat(place.path).catch(() => ({ size: -1 }))
    if (size < 0) return true
    if (twin !== undefined && twin.sizeBytes === size) {
      if (nowMs - twin.sinceMs < COPY_MS) return true
      return false
    }
    const original = await this.#originalOf(place, size)
    if (original) this.#twins.set(keyOf(place), { sizeBytes: size, sinceMs: nowMs })
    return original
  }

  async #originalOf({ path }: FilePlace, sizeBytes: number): Promise<boolean> {
    const originals = [...this.#present.values()].filter(({ state }) => state.head.bytes >= KNOWN_BYTES_MIN)
    if (originals.length === 0) return false
    const same = await withContent(path, async (content, gzip) => {
      for (const { state } of originals) {
        const length = gzip ? state.head.bytes : Math.min(state.head.bytes, sizeBytes)
        const start = await content.bytes(0, length)
        const own = await withContent(state.path, (original) => original.bytes(0, length))
        if (own !== undefined && start.length === length && start.equals(own)) return true
      }
      return false
    })
    return same ?? false
  }

  /** Looks for a missing file beside where it was: renamed or copied to a name that is not followed. */
  async #search(file: FollowedFile, found: ReadonlyMap<string, FilePlace>): Promise<void> {
    const { path, dev, ino, head } = file.state
    const folder = dirname(path)
    const stem = basename(path).replace(/\.[^.]*$/, '')
    for (const name of await readdir(folder).catch(() => [])) {
      const place = await placeOf(join(folder, name))
      if (place === undefined || found.has(keyOf(place)) || this.#present.has(keyOf(place))) continue
      const renamed = place.dev === dev && place.ino === ino
      const copied = name.startsWith(stem) && head.bytes >= KNOWN_BYTES_MIN
      if (!renamed && !copied) continue
      if ((await withContent(place.path, (content) => file.isIn(content))) !== true) continue
      if (renamed && file.isOpen) return
      await file.moveTo(place)
      return
    }
  }

  /** Missing files that nothing was heard of for a while: their last line has no line end, and none will come. */
  async *#giveUp(nowMs: number): AsyncGenerator<LiveBlock, void> {
    for (const file of this.#missing) {
      if (nowMs - file.activeMs < this.#lingerMs) continue
      const there = (await file.look()) === 'same'
      if (there) yield* file.read(nowMs, true)
      else if (file.state.dev >= 0 && file.state.rollover === undefined)
        this.#session.notice(
          `${file.state.path}: gone before it was known to be read to its end (byte ${file.state.next})`,
        )
      await file.close()
      this.#missing.delete(file)
      this.#session.forget(file.source)
    }
  }
}

function keyOf({ dev, ino }: Pick<FilePlace, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`
}

async function placeOf(path: string): Promise<FilePlace | undefined> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() !== true) return undefined
  return { path, dev: found.dev, ino: found.ino, sizeBytes: found.size }
}

/** Undefined where the file cannot be opened. */
async function withContent<T>(
  path: string,
  use: (content: Content, gzip: boolean) => Promise<T>,
): Promise<T | undefined> {
  const handle = await open(path).catch(() => undefined)
  if (handle === undefined) return undefined
  try {
    const plain = plainContent(handle)
    const gzip = isGzip(await plain.bytes(0, 2))
    return await use(gzip ? gzipContent(path) : plain, gzip)
  } finally {
    await handle.close()
  }
}

/** After the last whole record of a file. */
async function atEndOf(place: FilePlace, framing: Framing = 'lines'): Promise<FileState> {
  const { path, sizeBytes } = place
  const state = await withContent(path, async (content, gzip) => {
    const next = await endOf({ path, content, gzip, sizeBytes, framing })
    return { ...place, next, ...(await printsAt(content, next)) }
  })
  return state ?? atStartOf(place)
}

function atStartOf(place: FilePlace): FileState {
  return { ...place, next: 0, ...NO_PRINTS }
}

async function unpackedBytes(path: string): Promise<number> {
  let sizeBytes = 0
  for await (const chunk of gunzipped(path)) sizeBytes += chunk.length
  return sizeBytes
}
