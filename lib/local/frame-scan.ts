import { readFully } from './fd-io.ts'
import { FRAME_HEADER_BYTES, FRAME_MAGIC, type FrameHeader, isIntact, readFrameHeader } from './frame.ts'

/** How far a run of frames goes. */
export interface Scan {
  /** Where the run stops: the end asked for, or the first byte that is no frame's. */
  readonly position: number
  /** The offset after the last frame's. */
  readonly nextOffset: number
  /** Of the last frame; undefined where there was none. */
  readonly lastTimeMs: number | undefined
}

export interface ScanRange {
  readonly fd: number
  readonly from: number
  readonly to: number
  /** What the first frame's base offset must be. */
  readonly nextOffset: number
}

type OnFrame = (position: number, header: FrameHeader) => void

const WINDOW_BYTES = 256 * 1024

/** Walks frames by their headers alone, skipping over payloads. */
export async function scanHeaders(range: ScanRange, onFrame: OnFrame): Promise<Scan> {
  return scan(range, onFrame, async () => true)
}

/** Walks frames and checks every byte of them. */
export async function scanIntact(range: ScanRange, seed: number, onFrame: OnFrame): Promise<Scan> {
  return scan(range, onFrame, async (window, position, { lengthBytes }) =>
    isIntact(await window.bytes(position, lengthBytes), seed),
  )
}

async function scan(
  { fd, from, to, nextOffset }: ScanRange,
  onFrame: OnFrame,
  accept: (window: FileWindow, position: number, header: FrameHeader) => Promise<boolean>,
): Promise<Scan> {
  const window = new FileWindow(fd, to)
  let position = from
  let lastTimeMs: number | undefined
  while (position + FRAME_HEADER_BYTES <= to) {
    const header = readFrameHeader(await window.bytes(position, FRAME_HEADER_BYTES), 0)
    if (header === undefined || header.baseOffset !== nextOffset) break
    if (position + header.lengthBytes > to || !(await accept(window, position, header))) break
    onFrame(position, header)
    position += header.lengthBytes
    nextOffset += header.count
    lastTimeMs = header.appendTimeMs
  }
  return { position, nextOffset, lastTimeMs }
}

/**
 * The position of an intact frame of this partition somewhere in the range, whatever precedes it; undefined where none
 * is. It tells damage (good records follow) from the torn end of a log (nothing does).
 */
export async function findIntact(
  { fd, from, to, nextOffset }: ScanRange,
  seed: number,
): Promise<number | undefined> {
  const window = new FileWindow(fd, to)
  for (let start = from; start + FRAME_HEADER_BYTES <= to; start += WINDOW_BYTES) {
    const stretch = Buffer.from(
      await window.bytes(start, Math.min(WINDOW_BYTES + FRAME_HEADER_BYTES, to - start)),
    )
    for (let at = stretch.indexOf(FRAME_MAGIC); at >= 0; at = stretch.indexOf(FRAME_MAGIC, at + 1)) {
      if (at + FRAME_HEADER_BYTES > stretch.length) break
      const header = readFrameHeader(stretch, at)
      if (header === undefined || header.baseOffset < nextOffset || start + at + header.lengthBytes > to)
        continue
      if (isIntact(await window.bytes(start + at, header.lengthBytes), seed)) return start + at
    }
  }
  return undefined
}

/** The last stretch read of a file, so that walking small frames costs one read per window and not one per frame. */
class FileWindow {
  readonly #fd: number
  readonly #end: number
  #bytes = Buffer.alloc(0)
  #from = 0

  constructor(fd: number, end: number) {
    this.#fd = fd
    this.#end = end
  }

  /** A view that holds until the next call. The file must reach that far. */
  async bytes(position: number, length: number): Promise<Buffer> {
    const at = position - this.#from
    if (at >= 0 && at + length <= this.#bytes.length) return this.#bytes.subarray(at, at + length)
    const window = Buffer.allocUnsafe(Math.min(Math.max(length, WINDOW_BYTES), this.#end - position))
    const filled = await readFully(this.#fd, window, position)
    if (filled < length)
      throw new RangeError(`file ends at ${position + filled}, expected ${position + length}`)
    this.#bytes = window.subarray(0, filled)
    this.#from = position
    return this.#bytes.subarray(0, length)
  }
}
