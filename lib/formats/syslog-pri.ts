/** A syslog priority value: facility 0 to 23 and severity 0 (emergency) to 7 (debug). RFC 5424, section 6.2.1. */
export interface Priority {
  readonly facility: number
  readonly severity: number
  /** Characters of `<PRI>`. */
  readonly length: number
}

const LESS = 0x3c
const GREATER = 0x3e
const ZERO = 0x30

/** The `<PRI>` at the start of a text: 0 to 191 without leading zeros. Undefined for anything else. */
export function priorityOf(text: string): Priority | undefined {
  if (text.charCodeAt(0) !== LESS) return undefined
  let value = 0
  let at = 1
  for (; at <= 4; at++) {
    const digit = text.charCodeAt(at) - ZERO
    if (!(digit >= 0 && digit <= 9)) break
    value = value * 10 + digit
  }
  const digits = at - 1
  if (digits === 0 || digits > 3 || value > 191 || text.charCodeAt(at) !== GREATER) return undefined
  if (digits > 1 && text.charCodeAt(1) === ZERO) return undefined
  return { facility: value >> 3, severity: value & 7, length: at + 1 }
}
