import type { RecordBlock } from './block.ts'

interface Message {
  readonly bytes: Buffer
  readonly position: number
  readonly nth: number
}

/** Messages that have come and were not taken yet. Whoever adds sees to it that it does not grow beyond its bound by much. */
export class Inbox {
  readonly #bytesMax: number
  #messages: Message[] = []
  #bytes = 0
  #wake: () => void = () => undefined
  #waiting: (() => void)[] = []

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax
  }

  /** Positions never decrease; `nth` tells those of one position apart. */
  add(bytes: Buffer, position: number, nth = 0): void {
    this.#messages.push({ bytes, position, nth })
    this.#bytes += bytes.length
    this.#wake()
  }

  /** Resolves once there is a message, or `wake` was called. */
  async some(): Promise<void> {
    if (this.#messages.length > 0) return
    await new Promise<void>((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake()
  }

  /** Resolves once it is not full. */
  async room(): Promise<void> {
    if (this.isFull) await new Promise<void>((resolve) => void this.#waiting.push(resolve))
  }

  /** All messages; undefined where there is none. */
  take(): RecordBlock | undefined {
    const messages = this.#messages
    const [first] = messages
    if (first === undefined) return undefined
    this.#messages = []
    this.#bytes = 0
    for (const resolve of this.#waiting.splice(0)) resolve()
    const bounds = new Uint32Array(messages.length * 2)
    let at = 0
    for (const [i, { bytes }] of messages.entries()) {
      bounds[2 * i] = at
      at += bytes.length
      bounds[2 * i + 1] = at
    }
    return {
      kind: 'records',
      bytes: Buffer.concat(messages.map(({ bytes }) => bytes)),
      bounds,
      count: messages.length,
      position: first.position,
      positions: Float64Array.from(messages, ({ position }) => position),
      nths: Uint32Array.from(messages, ({ nth }) => nth),
    }
  }
}
