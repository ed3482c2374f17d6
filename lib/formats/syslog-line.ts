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
  /** As RFC 5424 numbers them, where the line has a priority. */
  readonly facility?: number
  /** 0 (emergency) to 7 (debug): from the priority, or from a level with a usual name. */
  readonly severityNumber?: number
  readonly msgId?: string
  readonly structured?: StructuredData
}

const LESS = 0x3c

/** Log lines of several kinds: how they are read, and the time that the timestamp of one stands for. */
export class LogLines {
  readonly #patterns: HeaderPatterns
  #lastTime: { header: string; timestamp: string; nearMs: number; timeMs: number | undefined } = {
    header: '',
    timestamp: '',
    nearMs: 0,
    timeMs: undefined,
  }

  constructor(patterns: readonly HeaderPattern[]) {
    this.#patterns = new HeaderPatterns(patterns)
  }

  /** Reads a line: syslog of either RFC, or what a header pattern fits. Any other line is a message without a header. */
  read(line: string): LogLine {
    if (line.charCodeAt(0) === LESS) {
      const modern = rfc5424(line)
      if (modern !== undefined) return modern
    }
    return rfc3164(line) ?? withSeverity(this.#patterns.read(line)) ?? { header: 'none', message: line }
  }

  /** Ms since 1970; undefined where the line has no timestamp that can be read. See `TimeLayout.parse` for `nearMs`. */
  timeOf(header: string, timestamp: string | undefined, nearMs: number): number | undefined {
    if (timestamp === undefined) return undefined
    const last = this.#lastTime
    // Lines of one second come together, and are appended together.
    if (last.timestamp === timestamp && last.header === header && last.nearMs === nearMs) return last.timeMs
    const timeMs =
      header === 'rfc5424' || header === 'rfc3164'
        ? syslogTime(timestamp, nearMs)
        : this.#patterns.timeOf(header, timestamp, nearMs)
    this.#lastTime = { header, timestamp, nearMs, timeMs }
    return timeMs
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

/** Fields are set one by one: an object of its own for each that may be missing would cost more than all parsing. */
type Draft = { -readonly [K in keyof LogLine]: LogLine[K] }

function rfc5424(line: string): LogLine | undefined {
  const read = parseRfc5424(line)
  if (read === undefined) return undefined
  const { message, facility, severity, timestamp, host, app, procId, msgId, structured } = read
  const draft: Draft = { header: 'rfc5424', message, facility, severityNumber: severity }
  if (timestamp !== undefined) draft.timestamp = timestamp
  if (host !== undefined) draft.host = host
  if (app !== undefined) draft.app = app
  if (procId !== undefined) draft.pid = procId
  if (msgId !== undefined) draft.msgId = msgId
  if (structured !== undefined) draft.structured = structured
  return draft
}

function rfc3164(line: string): LogLine | undefined {
  const read = parseRfc3164(line)
  if (read === undefined) return undefined
  const { message, timestamp, host, facility, severity, app, pid } = read
  const draft: Draft = { header: 'rfc3164', message, timestamp, host }
  if (facility !== undefined) draft.facility = facility
  if (severity !== undefined) draft.severityNumber = severity
  if (app !== undefined) draft.app = app
  if (pid !== undefined) draft.pid = pid
  return draft
}

/** What programs call the severities of syslog, in lower case. */
const LEVEL_NUMBERS: ReadonlyMap<string, number> = new Map(
  [
    ['emerg', 'emergency', 'panic'],
    ['alert'],
    ['crit', 'critical', 'fatal', 'severe', 'failure'],
    ['err', 'error'],
    ['warn', 'warning'],
    ['notice'],
    ['info', 'information', 'informational'],
    ['debug', 'trace', 'fine', 'finer', 'finest', 'verbose'],
  ].flatMap((words, number) => words.map((word) => [word, number] as const)),
)

function withSeverity(read: HeaderFields | undefined): LogLine | undefined {
  if (read?.level === undefined) return read
  const severityNumber = LEVEL_NUMBERS.get(read.level.toLowerCase())
  return severityNumber === undefined ? read : { ...read, severityNumber }
}

const YEARLESS = [timeLayout('MMM dd HH:mm:ss'), timeLayout('MMM dd HH:mm:ss.SSS')]
const RFC3339 = [timeLayout('yyyy-MM-ddTHH:mm:ssZ'), timeLayout('yyyy-MM-ddTHH:mm:ss.SSSZ')]

function syslogTime(timestamp: string, nearMs: number): number | undefined {
  const digit = timestamp.charCodeAt(0) < 0x3a
  const fraction = timestamp.includes('.')
  return (digit ? RFC3339 : YEARLESS)[fraction ? 1 : 0]?.parse(timestamp, nearMs)
}
