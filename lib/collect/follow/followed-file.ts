import { type FileHandle, open } from 'node:fs/promises'
import { isUnified2 } from '../../formats/unified2.ts'
import type { Framing } from '../../stream/format.ts'
import type { Block } from '../block.ts'
import { isGzip } from '../gunzip.ts'
import { LineSplitter } from '../line-splitter.ts'
import type { Detail, InputSession, KnownSource, LiveBlock, Resume } from '../live-input.ts'
import { Unified2Splitter } from '../unified2-splitter.ts'
import { gunzipped, gzipContent, plainContent } from './content.ts'
import { type Content, headOf, holds, PRINT_BYTES, type Prints, printOfEnd } from './fingerprint.ts'

/** Where a file is. Device and inode stay when it is renamed. */
export interface FilePlace {
  readonly path: string
  readonly dev: number
  readonly ino: number
  /** On disk, when it was looked at. */
  readonly sizeBytes: number
}

/** What is kept of a file that is followed. Bytes are those of its content: decompressed ones of a gzip file. */
export interface FileState extends Omit<FilePlace, 'sizeBytes'>, Prints {
  /** The byte to go on from: the start of a line. */
  readonly next: number
  /** Of a spool whose rollover hook was called, or is about to be. */
  readonly rollover?: 'begun' | 'done'
}

/** Read at a time, so that many files take turns. */
const CHUNK_BYTES = 1024 * 1024
const TURN_BYTES = 4 * CHUNK_BYTES
/** Without keys, lines so many bytes apart go to one partition. */
const STRIDE_BYTES = 64 * 1024
/** A spool that has not grown for so long: no more will come of its last event, which Snort writes at one go. */
const QUIET_MS = 1000
const SPOOL_START_BYTES = 4

/**
 * One file that is followed, and one source of its run: a position is the byte where a line starts, or in a unified2 spool,
 * an event.
 */
export class FollowedFile {
  readonly source: number
  readonly #session: InputSession
  readonly #framing: Framing
  #state: FileState
  #handle: FileHandle | undefined
  #gzip = false
  /** Size on disk when it was last read to its end. */
  #readSizeBytes = -1
  #seenSizeBytes = -1
  /** When its size was last another than before, and whether its last event waits for more. */
  #grewMs = 0
  #heldBack = false
  #spool = false
  #told = ''
  /** When it last gave something, or was found. */
  activeMs: number

  constructor(
    session: InputSession,
    source: number,
    state: FileState,
    nowMs: number,
    framing: Framing = 'lines',
  ) {
    this.#framing = framing
    this.#session = session
    this.source = source
    this.#state = state
    this.activeMs = nowMs
  }

  get state(): FileState {
    return this.#state
  }

  get isOpen(): boolean {
    return this.#handle !== undefined
  }

  /** True where it was closed because it gave nothing for a while, and has not changed since. */
  get isAsleep(): boolean {
    return (
      this.#handle === undefined &&
      this.#readSizeBytes >= 0 &&
      this.#seenSizeBytes === this.#readSizeBytes &&
      !this.#heldBack
    )
  }

  /** A unified2 spool of which all was given that will come, unless it grows. */
  get isReadOut(): boolean {
    return this.#spool && this.#readSizeBytes >= 0 && !this.#heldBack
  }

  /** Keeps how far its rollover hook is, before this resolves. */
  async rolledOver(rollover: 'begun' | 'done'): Promise<void> {
    this.#state = { ...this.#state, rollover }
    await this.#session.describe(this.source, detailOf(this.#state))
  }

  /** The same content, elsewhere: renamed, copied or compressed. */
  async moveTo({ path, dev, ino, sizeBytes }: FilePlace): Promise<void> {
    const before = this.#state
    this.#seenSizeBytes = sizeBytes
    this.#state = { ...before, path, dev, ino }
    if (dev === before.dev && ino === before.ino) return
    await this.close()
    this.#readSizeBytes = -1
    await this.#session.describe(this.source, detailOf(this.#state))
  }

  /** True where `content` begins with what was read of the file. */
  isIn(content: Content): Promise<boolean> {
    return holds(content, this.#state)
  }

  /** 'same': as it was read, grown perhaps. 'other': truncated or written anew. 'gone': it cannot be opened any more. */
  async look(): Promise<'same' | 'other' | 'gone'> {
    const handle = await this.#open()
    if (handle === undefined) return 'gone'
    const { size } = await handle.stat()
    if (size === this.#readSizeBytes) return 'same'
    if (!this.#gzip && size < this.#state.next) return 'other'
    return (await this.isIn(this.#contentOf(handle))) ? 'same' : 'other'
  }

  /** The whole lines that came since, as many as fit into its turn; with `last` what follows the last of them, too. */
  async *read(nowMs: number, last = false): AsyncGenerator<LiveBlock, void> {
    const handle = await this.#open()
    if (handle === undefined) return
    const { size } = await handle.stat()
    const still = size === this.#readSizeBytes
    const quiet = still && this.#heldBack && nowMs - this.#grewMs >= QUIET_MS
    if (still && !last && !quiet) return
    if (!still) this.#grewMs = nowMs
    const content = this.#contentOf(handle)
    const spool = isUnified2(await content.bytes(0, SPOOL_START_BYTES))
    this.#spool = spool
    const splitter = this.#splitter(spool)
    let readBytes = 0
    let cutShort = false
    const onCut = () => {
      cutShort = true
    }
    for await (const chunk of this.#chunks(handle, size, onCut)) {
      for await (const block of splitter.push(chunk)) {
        this.activeMs = nowMs
        yield await this.#given(block, splitter.givenToByte, content)
      }
      readBytes += chunk.length
      if (readBytes >= TURN_BYTES && !splitter.inLongLine) return
    }
    const over = last || quiet || (this.#gzip && !cutShort)
    this.#heldBack = spool && !over
    // Without a line end of its own, the splitter counts one.
    if (over)
      for await (const block of splitter.finish())
        yield await this.#given(block, splitter.givenToByte - (spool ? 0 : 1), content)
    this.#readSizeBytes = size
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  #splitter(spool: boolean): LineSplitter | Unified2Splitter {
    const { source } = this
    const { path, next: fromByte } = this.#state
    const large = (position: number) => this.#session.large({ source, position })
    if (!spool) return new LineSplitter(path, { fromByte, large, framing: this.#framing })
    const notice = (message: string) => {
      if (message !== this.#told) this.#session.notice(message)
      this.#told = message
    }
    return new Unified2Splitter(path, { fromByte, notice, tailWaits: true })
  }

  #chunks(handle: FileHandle, sizeBytes: number, onCut: () => void): AsyncIterable<Buffer> {
    return this.#gzip
      ? gunzipped(this.#state.path, this.#state.next, onCut)
      : plainChunks(handle, this.#state.next, sizeBytes)
  }

  /** What the file begins with is kept before its first records can land, so that it is known again after a restart. */
  async #given(block: Block, next: number, content: Content): Promise<LiveBlock> {
    const before = this.#state
    const grown = before.head.bytes < PRINT_BYTES && before.head.bytes < next
    const head = grown ? await headOf(content, next) : before.head
    if (grown) await this.#session.describe(this.source, detailOf({ ...before, head }))
    this.#state = { ...before, next, head, tail: printOfEnd(block) ?? head }
    return { source: this.source, block, resume: resumeOf(this.#state), stride: STRIDE_BYTES }
  }

  /** Undefined where another file is at its path by now, or none. */
  async #open(): Promise<FileHandle | undefined> {
    if (this.#handle !== undefined) return this.#handle
    const handle = await open(this.#state.path).catch(() => undefined)
    if (handle === undefined) return undefined
    const { dev, ino } = await handle.stat()
    if (dev !== this.#state.dev || ino !== this.#state.ino) {
      await handle.close()
      return undefined
    }
    this.#gzip = isGzip(await plainContent(handle).bytes(0, 2))
    this.#handle = handle
    return handle
  }

  #contentOf(handle: FileHandle): Content {
    return this.#gzip ? gzipContent(this.#state.path) : plainContent(handle)
  }
}

async function* plainChunks(handle: FileHandle, from: number, to: number): AsyncGenerator<Buffer, void> {
  for (let at = from; at < to; ) {
    const length = Math.min(CHUNK_BYTES, to - at)
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(length), 0, length, at)
    if (bytesRead === 0) return
    at += bytesRead
    yield buffer.subarray(0, bytesRead)
  }
}

export function detailOf({ path, dev, ino, head, rollover }: FileState): Detail {
  return { path, dev, ino, head, ...(rollover !== undefined && { rollover }) }
}

export function resumeOf({ next, tail }: FileState): Resume {
  return { next, tail }
}

/** The state that was kept. */
export function stateOf({ detail, resume }: KnownSource): FileState {
  return { ...detail, ...resume } as unknown as FileState
}
