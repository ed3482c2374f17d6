import { type TableDefinition, TableError } from '../stream/table.ts'

/** What a rule says for people. */
export interface SignatureText {
  readonly message: string
  /** `cve,2003-0352`, `url,...` */
  readonly references: readonly string[]
}

/**
 * Snort's sid-msg.map. Version 1: `sid || message || reference || ...`; version 2, which begins with `#v2`:
 * `gid || sid || rev || class || priority || message || reference || ...`. Keys are `gid:sid`.
 */
export function sidMsgMap(): TableDefinition<ReadonlyMap<string, SignatureText>> {
  return {
    takes: 'sid-msg.map of Snort or Suricata, version 1 or 2',
    empty: new Map(),
    parse: (bytes) => {
      const map = new Map<string, SignatureText>()
      const text = Buffer.from(bytes).toString('utf8')
      const second = /^#v2\b/m.test(text)
      for (const { line, number } of lines(text)) {
        const fields = line.split('||').map((field) => field.trim())
        const [gid, sid] = second ? fields : ['1', fields[0]]
        const rest = fields.slice(second ? 5 : 1)
        const message = rest[0]
        if (!isId(gid) || !isId(sid) || message === undefined)
          throw new TableError(`line ${number}: expected ${second ? 'gid || sid || ...' : 'sid || message'}`)
        if (isId(message))
          throw new TableError(`line ${number}: a number in place of a message: is it gen-msg.map?`)
        map.set(signatureKey(Number(gid), Number(sid)), { message, references: rest.slice(1) })
      }
      return map
    },
  }
}

/** Snort's gen-msg.map, by `gid:sid`: messages of preprocessors and decoders. */
export function genMsgMap(): TableDefinition<ReadonlyMap<string, string>> {
  return {
    takes: 'gen-msg.map of Snort',
    empty: new Map(),
    parse: (bytes) => {
      const map = new Map<string, string>()
      for (const { line, number } of lines(Buffer.from(bytes).toString('utf8'))) {
        const [gid, sid, message] = line.split('||').map((field) => field.trim())
        if (!isId(gid) || !isId(sid) || message === undefined)
          throw new TableError(`line ${number}: expected generator || alert || message`)
        map.set(signatureKey(Number(gid), Number(sid)), message)
      }
      return map
    },
  }
}

export interface Classification {
  readonly name: string
  readonly description: string
  /** 1 is the gravest. */
  readonly priority: number
}

export interface Classifications {
  /** A classification id is the number of its line in the file, from 1. */
  byId(id: number): Classification | undefined
  /** Suricata names the description. */
  byDescription(description: string): Classification | undefined
}

/** Snort's classification.config. */
export function classificationConfig(): TableDefinition<Classifications> {
  return {
    takes: 'classification.config of Snort or Suricata',
    empty: classifications([]),
    parse: (bytes) => {
      const all: Classification[] = []
      for (const { line, number } of lines(Buffer.from(bytes).toString('utf8'))) {
        const match = /^config\s+classification\s*:\s*([^,]+),([^,]+),\s*(\d+)\s*$/.exec(line)
        if (match === null)
          throw new TableError(`line ${number}: expected config classification: name,text,priority`)
        const [, name = '', description = '', priority] = match
        all.push({ name: name.trim(), description: description.trim(), priority: Number(priority) })
      }
      return classifications(all)
    },
  }
}

function classifications(all: readonly Classification[]): Classifications {
  const byDescription = new Map(all.map((one) => [one.description.toLowerCase(), one]))
  return {
    byId: (id) => all[id - 1],
    byDescription: (description) => byDescription.get(description.toLowerCase()),
  }
}

/** `gid:sid`: how people write a signature. */
export function signatureKey(gid: number, sid: number): string {
  return `${gid}:${sid}`
}

function isId(text: string | undefined): text is string {
  return text !== undefined && /^\d{1,10}$/.test(text)
}

/** Lines that are neither empty nor comments. */
function* lines(text: string): Generator<{ readonly line: string; readonly number: number }, void> {
  for (const [i, whole] of text.split('\n').entries()) {
    const line = whole.trim()
    if (line !== '' && !line.startsWith('#')) yield { line, number: i + 1 }
  }
}
