import type { Duplex } from 'node:stream'

/** Messages between the main process and a worker: u32 length (little-endian), then that many bytes. */
export function sendMessage(channel: Duplex, pieces: readonly Buffer[]): void {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32LE(pieces.reduce((sum, piece) => sum + piece.length, 0))
  channel.cork()
  channel.write(length)
  for (const piece of pieces) channel.write(piece)
  channel.uncork()
}

/** Calls `onMessage` with each whole message that arrives. */
export function onMessages(channel: Duplex, onMessage: (bytes: Buffer) => void): void {
  let parts: Buffer[] = []
  let size = 0
  channel.on('data', (chunk: Buffer) => {
    parts.push(chunk)
    size += chunk.length
    while (size >= 4) {
      const length = firstLength(parts)
      if (size < 4 + length) return
      const all = parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts, size)
      onMessage(all.subarray(4, 4 + length))
      const rest = all.subarray(4 + length)
      parts = rest.length === 0 ? [] : [rest]
      size = rest.length
    }
  })
}

function firstLength(parts: Buffer[]): number {
  const [first, ...others] = parts
  if (first === undefined) return 0
  if (first.length >= 4) return first.readUInt32LE(0)
  const joined = Buffer.concat([first, ...others])
  parts.splice(0, parts.length, joined)
  return joined.readUInt32LE(0)
}
