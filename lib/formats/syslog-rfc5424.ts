import { type Priority, priorityOf } from './syslog-pri.ts'

/** Elements by SD-ID, each with its parameters by name. A name that comes twice has its last value. */
export type StructuredData = Readonly<Record<string, Readonly<Record<string, string>>>>

/** A message of RFC 5424 (https://www.rfc-editor.org/rfc/rfc5424). What is "-" (NILVALUE) is undefined. */
export interface Rfc5424Message extends Omit<Priority, 'length'> {
  readonly version: number
  /** As it stands: RFC 3339. */
  readonly timestamp: string | undefined
  readonly host: string | undefined
  readonly app: string | undefined
  readonly procId: string | undefined
  readonly msgId: string | undefined
  readonly structured: StructuredData | undefined
  /** Without the byte order mark that says it is UTF-8; empty where there is none. */
  readonly message: string
}

/** RFC 3339 as section 6.2.3 narrows it, but for more digits of a second than six, which Go and Java write. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/
/** Longest of each header field, section 6. Longer ones are taken too: nothing is gained by losing the record. */
const PRINTABLE = /^[!-~\u0080-\uffff]+$/
const BOM = '\ufeff'

/**
 * Reads a message of RFC 5424. Undefined where it is none: another version, a field missing, a timestamp or structured
 * data that are not as the RFC has them. Beyond the RFC it takes header fields that are too long or not ASCII, and `\`
 * before any character of a parameter's value (the RFC asks for that too: the backslash then stands for itself).
 */
export function parseRfc5424(text: string): Rfc5424Message | undefined {
  const priority = priorityOf(text)
  if (priority === undefined || !isVersionStart(text.charCodeAt(priority.length))) return undefined
  const fields: string[] = []
  let at = priority.length
  for (let i = 0; i < 6; i++) {
    const end = text.indexOf(' ', at)
    if (end <= at) return undefined
    fields.push(text.slice(at, end))
    at = end + 1
  }
  const [version = '', timestamp = '', host = '', app = '', procId = '', msgId = ''] = fields
  if (!/^[1-9]\d{0,2}$/.test(version) || (timestamp !== '-' && !TIMESTAMP.test(timestamp))) return undefined
  if (![host, app, procId, msgId].every((field) => PRINTABLE.test(field))) return undefined
  const data = structuredData(text, at)
  if (data === undefined) return undefined
  const { facility, severity } = priority
  const known = (field: string) => (field === '-' ? undefined : field)
  return {
    facility,
    severity,
    version: Number(version),
    timestamp: known(timestamp),
    host: known(host),
    app: known(app),
    procId: known(procId),
    msgId: known(msgId),
    structured: data.structured,
    message: messageAt(text, data.end),
  }
}

/** Most lines with a priority are of the older RFC: they are told apart by the first character after it. */
function isVersionStart(code: number): boolean {
  return code >= 0x31 && code <= 0x39
}

function messageAt(text: string, at: number): string {
  const start = text.startsWith(BOM, at + 1) ? at + 2 : at + 1
  return text.slice(start)
}

/** Structured data at `at`, and where they end: at the end of the text or at a blank. Undefined where they are wrong. */
function structuredData(
  text: string,
  at: number,
): { readonly structured: StructuredData | undefined; readonly end: number } | undefined {
  const ended = (i: number) => i >= text.length || text[i] === ' '
  if (text[at] === '-' && ended(at + 1)) return { structured: undefined, end: at + 1 }
  const structured: Record<string, Record<string, string>> = {}
  while (text[at] === '[') {
    const name = nameAt(text, at + 1)
    if (name === undefined) return undefined
    at = name.end
    const params: Record<string, string> = {}
    while (text[at] === ' ') {
      const param = paramAt(text, at + 1)
      if (param === undefined) return undefined
      define(params, param.name, param.value)
      at = param.end
    }
    if (text[at] !== ']') return undefined
    define(structured, name.name, params)
    at++
  }
  return Object.keys(structured).length > 0 && ended(at) ? { structured, end: at } : undefined
}

/** `__proto__` is a name like any other here. */
function define<T>(record: Record<string, T>, name: string, value: T): void {
  Object.defineProperty(record, name, { value, enumerable: true, writable: true, configurable: true })
}

/** An SD-NAME: printable ASCII but `=`, blank, `]` and `"`. */
function nameAt(text: string, start: number): { readonly name: string; readonly end: number } | undefined {
  let at = start
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code <= 0x20 || code > 0x7e || code === 0x3d || code === 0x5d || code === 0x22) break
  }
  return at === start ? undefined : { name: text.slice(start, at), end: at }
}

function paramAt(text: string, start: number) {
  const name = nameAt(text, start)
  if (name === undefined || text[name.end] !== '=' || text[name.end + 1] !== '"') return undefined
  let value = ''
  for (let at = name.end + 2; at < text.length; at++) {
    const character = text[at] as string
    if (character === '"') return { name: name.name, value, end: at + 1 }
    const next = text[at + 1]
    if (character === '\\' && (next === '"' || next === '\\' || next === ']')) {
      value += next
      at++
    } else if (character === ']') return undefined
    else value += character
  }
  return undefined
}
