/** Messages longer than this are cut into pieces: the framing is broken, or someone sends what is no syslog. */
export const MESSAGE_BYTES_MAX = 256 * 1024

const LF = 0x0a
const SPACE = 0x20
const NUL = 0x00
const LESS = 0x3c

/**
 * Cuts what comes over one TCP connection into syslog messages (RFC 6587): octet counting where a frame begins with a
 * number, a space and "<", else up to the next LF or NUL. Senders may use both on one connection. Holds one message at most.
 * Source: https://www.rfc-editor.org/rfc/rfc6587#section-3.4
 */
export class TcpFramer {
  #rest: Buffer = Buffer.alloc(0)

  /** The whole messages that `chunk` completes. */
  push(chunk: Buffer): readonly Buffer[] {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const messages: Buffer[] = []
    for (;;) {
      const frame = nextFrame(bytes)
      if (frame === undefined) break
      if (frame.message.length > 0) messages.push(frame.message)
      bytes = bytes.subarray(frame.end)
    }
    this.#rest = bytes
    return messages
  }

  /** What is left when the connection ends: a last message without an end, if it was framed by one. */
  finish(): Buffer | undefined {
    const rest = this.#rest
    this.#rest = Buffer.alloc(0)
    return rest.length === 0 || countOf(rest) !== undefined ? undefined : trimmed(rest)
  }
}

interface Frame {
  readonly message: Buffer
  readonly end: number
}

/** Undefined where there is no whole one. */
function nextFrame(bytes: Buffer): Frame | undefined {
  const count = countOf(bytes)
  if (count === 'unfinished') return undefined
  if (count !== undefined) {
    const end = count.start + count.length
    return end > bytes.length ? undefined : { message: bytes.subarray(count.start, end), end }
  }
  const line = bytes.indexOf(LF)
  const nul = (line < 0 ? bytes : bytes.subarray(0, line)).indexOf(NUL)
  const end = nul < 0 ? line : nul
  if (end >= 0) return { message: trimmed(bytes.subarray(0, end)), end: end + 1 }
  if (bytes.length < MESSAGE_BYTES_MAX) return undefined
  return { message: bytes.subarray(0, MESSAGE_BYTES_MAX), end: MESSAGE_BYTES_MAX }
}

/** The length that a frame begins with: a number without leading zeros, and a space. A message begins with "<". */
function countOf(
  bytes: Buffer,
): { readonly start: number; readonly length: number } | 'unfinished' | undefined {
  const digits = /^[1-9]\d{0,6}/.exec(bytes.toString('latin1', 0, 8))?.[0].length ?? 0
  if (digits === 0) return undefined
  if (digits === bytes.length) return 'unfinished'
  if (bytes[digits] !== SPACE) return undefined
  if (digits + 1 === bytes.length) return 'unfinished'
  const length = Number(bytes.toString('latin1', 0, digits))
  return bytes[digits + 1] === LESS && length <= MESSAGE_BYTES_MAX ? { start: digits + 1, length } : undefined
}

function trimmed(message: Buffer): Buffer {
  return message.at(-1) === 0x0d ? message.subarray(0, -1) : message
}
