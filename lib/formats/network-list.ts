import { type TableDefinition, TableError } from '../stream/table.ts'
import { ipBytes } from './ip.ts'

/** Networks and what they are called. */
export interface NetworkList {
  /** The label of the narrowest network that holds the address; '' for one without a label; undefined for none. */
  find(address: string): string | undefined
}

/**
 * A list of networks: an address or CIDR prefix a line, IPv4 or IPv6, then, after a space, tab or comma, a label if there is
 * one. `#` begins a comment. `defaults`: the lines that stand before any file was put.
 */
export function networkList(defaults = ''): TableDefinition<NetworkList> {
  const parse = (bytes: Uint8Array) => new PrefixTable(Buffer.from(bytes).toString('utf8'))
  return {
    takes: 'one address or network (CIDR) a line, with a label after a space or comma if wanted',
    empty: parse(Buffer.from(defaults)),
    parse,
  }
}

/** One hash table per length of prefix: a lookup is as many probes as there are lengths, longest first. */
class PrefixTable implements NetworkList {
  readonly #four = new Map<number, Map<string, string>>()
  readonly #six = new Map<number, Map<string, string>>()

  constructor(text: string) {
    for (const [i, whole] of text.split('\n').entries()) {
      const line = whole.replace(/#.*/, '').trim()
      if (line !== '') this.#add(line, i + 1)
    }
    for (const table of [this.#four, this.#six]) {
      const longestFirst = [...table].sort(([a], [b]) => b - a)
      table.clear()
      for (const [bits, networks] of longestFirst) table.set(bits, networks)
    }
  }

  find(address: string): string | undefined {
    const bytes = ipBytes(address)
    if (bytes === undefined) return undefined
    for (const [bits, networks] of bytes.length === 4 ? this.#four : this.#six) {
      const label = networks.get(prefix(bytes, bits))
      if (label !== undefined) return label
    }
    return undefined
  }

  #add(line: string, number: number): void {
    const [, network = '', label = ''] = /^([^\s,]+)[\s,]*(.*)$/.exec(line) ?? []
    const [address = '', length] = network.split('/')
    const bytes = ipBytes(address)
    const most = (bytes?.length ?? 0) * 8
    const bits = length === undefined ? most : Number(length)
    if (bytes === undefined || !Number.isInteger(bits) || bits < 0 || bits > most || length === '')
      throw new TableError(`line ${number}: expected an address or a network such as 10.0.0.0/8`)
    const table = bytes.length === 4 ? this.#four : this.#six
    const networks = table.get(bits) ?? new Map<string, string>()
    table.set(bits, networks)
    networks.set(prefix(bytes, bits), label.trim())
  }
}

/** The first `bits` of an address as a key. */
function prefix(bytes: Uint8Array, bits: number): string {
  const whole = bits >> 3
  let key = ''
  for (let i = 0; i < whole; i++) key += String.fromCharCode(bytes[i] ?? 0)
  const rest = bits & 7
  return rest === 0 ? key : key + String.fromCharCode((bytes[whole] ?? 0) & (0xff << (8 - rest)))
}
