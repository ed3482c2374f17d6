import { priorityOf } from './syslog-pri.ts'

/** A message of RFC 3164 (https://www.rfc-editor.org/rfc/rfc3164), as network devices send it and files keep it. */
export interface Rfc3164Message {
  /** Undefined in files: daemons write them without it. */
  readonly facility: number | undefined
  readonly severity: number | undefined
  /** As it stands: `Jun 14 15:16:01`, without a year; or RFC 3339, as some daemons write. */
  readonly timestamp: string
  readonly host: string
  /** The tag: the program that wrote it. */
  readonly app: string | undefined
  readonly pid: string | undefined
  readonly message: string
}

const TIME = '[A-Z][a-z]{2} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?'
const ISO = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.\\d{1,9})?(?:Z|[+-]\\d\\d:?\\d\\d)'
const HEADER = new RegExp(`^(${TIME}|${ISO}) (\\S+) `)
/** Alphanumeric and of 32 characters in the RFC; daemons write `sshd(pam_unix)`, `systemd-logind`, `postfix/smtpd`. */
const TAG = /^([^\s:[\]]{1,64})(?:\[([^\]\s]{1,128})\])?(: ?|(?<=\]) )/
const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'

/**
 * Reads a message of RFC 3164, with `<PRI>` or, as files have it, without. Undefined where it is none: no timestamp or no
 * host. Beyond the RFC it takes a fraction of a second, RFC 3339 timestamps, and longer tags. Text that no colon or `[pid]`
 * sets off as a tag is message.
 */
export function parseRfc3164(text: string): Rfc3164Message | undefined {
  const priority = priorityOf(text)
  const rest = priority === undefined ? text : text.slice(priority.length)
  const header = HEADER.exec(rest)
  if (header === null) return undefined
  const [whole, timestamp = '', host = ''] = header
  const first = timestamp.charCodeAt(0)
  // A capital letter begins a month's name.
  if (first > 0x40 && MONTHS.indexOf(timestamp.slice(0, 3)) % 3 !== 0) return undefined
  const content = rest.slice(whole.length)
  const tag = TAG.exec(content)
  return {
    facility: priority?.facility,
    severity: priority?.severity,
    timestamp,
    host,
    app: tag?.[1],
    pid: tag?.[2],
    message: tag === null ? content : content.slice(tag[0].length),
  }
}
