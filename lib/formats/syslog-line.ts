import { isUtf8 } from 'node:buffer'
import { type Format, FormatError } from '../stream/format.ts'
import { type HeaderFields, type HeaderPattern, HeaderPatterns } from './header-pattern.ts'
import { timeLayout } from './header-pattern-time.ts'
import { parseRfc3164 } from './syslog-rfc3164.ts'
import { parseRfc5424, type StructuredData } from './syslog-rfc5424.ts'
import { textStart } from './utf8.ts'

/** The fields of a log line, whatever wrote it. */
export interface LogLine extends HeaderFields {
  /** How its header was read: `rfc5424`, `rfc3164`, the name of a header pattern, or `none`: the line is the message. */
  readonly header: string
  /** Numbers of RFC 5424, where the line has a priority. */
  readonly facility?: number
  readonly severity?: number
  readonly msgId?: string
  readonly structured?: StructuredData
}

const LESS = 0x3c

/** Log lines of several kinds: how they are read, and the time that the timestamp of one stands for. */
export class LogLines {
  readonly #patterns: HeaderPatterns

  constructor(patterns: readonly HeaderPattern[]) {
    this.#patterns = new HeaderPatterns(patterns)
  }

  /** Reads a line: syslog of either RFC, or what a header pattern fits. Any other line is a message without a header. */
  read(line: string): LogLine {
    if (line.charCodeAt(0) === LESS) {
      const modern = rfc5424(line)
      if (modern !== undefined) return modern
    }
    return rfc3164(line) ?? this.#patterns.read(line) ?? { header: 'none', message: line }
  }

  /** Ms since 1970; undefined where the line has no timestamp that can be read. See `TimeLayout.parse` for `nearMs`. */
  timeOf({ header, timestamp }: Pick<LogLine, 'header' | 'timestamp'>, nearMs: number): number | undefined {
    if (timestamp === undefined) return undefined
    if (header === 'rfc5424' || header === 'rfc3164') return syslogTime(timestamp, nearMs)
    return this.#patterns.timeOf(header, timestamp, nearMs)
  }

  /**
   * One line a record. Bytes that are not UTF-8 are read as Latin-1, as old daemons write: nothing of a line is a reason to
   * lose it but that it is empty.
   */
  format(): Format {
    return {
      name: 'syslog-or-text',
      compile: () => (bytes) => {
        const start = textStart(bytes)
        const text = bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1', start)
        const line = text.endsWith('\n') ? text.replace(/\r?\n$/, '') : text
        if (line.trim() === '') throw new FormatError('expected a log line, found white space')
        return this.read(line)
      },
    }
  }
}

function rfc5424(line: string): LogLine | undefined {
  const read = parseRfc5424(line)
  if (read === undefined) return undefined
  const { facility, severity, message, timestamp, host, app, procId, msgId, structured } = read
  return {
    header: 'rfc5424',
    message,
    facility,
    severity,
    ...(timestamp !== undefined && { timestamp }),
    ...(host !== undefined && { host }),
    ...(app !== undefined && { app }),
    ...(procId !== undefined && { pid: procId }),
    ...(msgId !== undefined && { msgId }),
    ...(structured !== undefined && { structured }),
  }
}

function rfc3164(line: string): LogLine | undefined {
  const read = parseRfc3164(line)
  if (read === undefined) return undefined
  const { facility, severity, message, timestamp, host, app, pid } = read
  return {
    header: 'rfc3164',
    message,
    timestamp,
    host,
    ...(facility !== undefined && { facility }),
    ...(severity !== undefined && { severity }),
    ...(app !== undefined && { app }),
    ...(pid !== undefined && { pid }),
  }
}

const YEARLESS = [timeLayout('MMM dd HH:mm:ss'), timeLayout('MMM dd HH:mm:ss.SSS')]
const RFC3339 = [timeLayout('yyyy-MM-ddTHH:mm:ssZ'), timeLayout('yyyy-MM-ddTHH:mm:ss.SSSZ')]

function syslogTime(timestamp: string, nearMs: number): number | undefined {
  const digit = timestamp.charCodeAt(0) < 0x3a
  const fraction = timestamp.includes('.')
  return (digit ? RFC3339 : YEARLESS)[fraction ? 1 : 0]?.parse(timestamp, nearMs)
}
