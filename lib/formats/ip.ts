/**
 * The text of an address of 4 or 16 bytes: dotted decimal, or IPv6 in the canonical form of RFC 5952
 * (https://www.rfc-editor.org/rfc/rfc5952). An IPv4-mapped address is written as the IPv4 address it stands for, so
 * that one host has one text. Throws a RangeError for any other length.
 */
export function ipText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join('.')
  if (bytes.length !== 16) throw new RangeError(`an address has 4 or 16 bytes, not ${bytes.length}`)
  if (isMapped(bytes)) return bytes.subarray(12).join('.')
  const groups = Array.from({ length: 8 }, (_, i) => byte(bytes, 2 * i) * 256 + byte(bytes, 2 * i + 1))
  const { start, length } = longestZeros(groups)
  const hex = groups.map((group) => group.toString(16))
  if (length < 2) return hex.join(':')
  return `${hex.slice(0, start).join(':')}::${hex.slice(start + length).join(':')}`
}

/** The 4 or 16 bytes of an address's text, IPv4-mapped ones as 4; undefined for what is no address. */
export function ipBytes(text: string): Uint8Array | undefined {
  return text.includes(':') ? ip6Bytes(text) : ip4Bytes(text)
}

/** One text for one host, whatever form it came in; undefined for what is no address. */
export function canonicalIp(text: string): string | undefined {
  const bytes = ipBytes(text)
  return bytes === undefined ? undefined : ipText(bytes)
}

/** No leading zeros: some programs read those as octal. */
const OCTET = /^(?:0|[1-9]\d{0,2})$/
const GROUP = /^[0-9a-f]{1,4}$/i

function ip4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => OCTET.test(part) && Number(part) < 256)) return undefined
  return Uint8Array.from(parts, Number)
}

function ip6Bytes(text: string): Uint8Array | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map(groupsOf)
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined
  const missing = 8 - head.length - (tail?.length ?? 0)
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = tail === undefined ? head : [...head, ...new Array<number>(missing).fill(0), ...tail]
  const bytes = Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
  return isMapped(bytes) ? bytes.slice(12) : bytes
}

/** The 16-bit groups of one side of `::`, of which the last may be an IPv4 address; undefined where one is wrong. */
function groupsOf(text: string): readonly number[] | undefined {
  if (text === '') return []
  const parts = text.split(':')
  const last = parts.at(-1) ?? ''
  const dotted = last.includes('.') ? ip4Bytes(last) : undefined
  if (dotted !== undefined) {
    parts.pop()
    for (const at of [0, 2]) parts.push((byte(dotted, at) * 256 + byte(dotted, at + 1)).toString(16))
  }
  return parts.every((part) => GROUP.test(part)) ? parts.map((part) => Number.parseInt(part, 16)) : undefined
}

/** ::ffff:0:0/96 (RFC 4291, 2.5.5.2). */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((one) => one === 0) && bytes[10] === 0xff && bytes[11] === 0xff
}

/** The first of the longest runs of zero groups. */
function longestZeros(groups: readonly number[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  let length = 0
  groups.forEach((group, i) => {
    length = group === 0 ? length + 1 : 0
    if (length > best.length) best = { start: i - length + 1, length }
  })
  return best
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0
}

/** The subnet of an address, as hosts are usually put into them: /24 of IPv4, /64 of IPv6. What is no address stays as it is. */
export function subnetOf(address: string): string {
  const bytes = ipBytes(address)
  if (bytes === undefined) return address
  const bits = bytes.length === 4 ? 24 : 64
  return `${ipText(Buffer.from(bytes).fill(0, bits / 8))}/${bits}`
}
