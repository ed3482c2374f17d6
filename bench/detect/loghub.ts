import { existsSync, readFileSync } from 'node:fs'
import { csv } from '../../lib/formats/csv.ts'

const DIR = new URL('../../../shared/data/logs/', import.meta.url)

export const SYSTEMS = [
  'Apache',
  'BGL',
  'HDFS',
  'Hadoop',
  'HealthApp',
  'Linux',
  'OpenSSH',
  'OpenStack',
  'Proxifier',
  'Zookeeper',
] as const

export type System = (typeof SYSTEMS)[number]

/** 2,000 lines of a system, with what people say each is (loghub, corrected labels). */
export interface Labelled {
  /** Lines as they stand in the file. */
  readonly lines: readonly string[]
  /** Their messages, without headers. */
  readonly contents: readonly string[]
  readonly labels: readonly string[]
}

export function hasLoghub(): boolean {
  return existsSync(DIR)
}

export function readLoghub(system: System): Labelled {
  const file = (name: string) => readFileSync(new URL(`${system}/${system}_2k.log${name}`, DIR), 'utf8')
  const split = (text: string) => text.split(/\r?\n/).filter((line) => line !== '')
  const [header = '', ...rows] = split(file('_structured_corrected.csv'))
  const names = header.split(',')
  const parse = csv().compile(names.map((name) => ({ name, kind: 'string', optional: true })))
  const records = rows.map((row) => parse(Buffer.from(row)) as Record<string, string | undefined>)
  return {
    lines: split(file('')),
    contents: records.map(({ Content }) => Content ?? ''),
    // Two templates may have one name: the id and the text together are the label.
    labels: records.map(({ EventId, EventTemplate }) => `${EventId} ${EventTemplate}`),
  }
}

/** How well groups of lines agree with the labelled ones, as in Zhu et al., ICSE-SEIP 2019, and Jiang et al., ISSTA 2024. */
export interface Grouping {
  /** Grouping accuracy: share of the lines whose group is exactly a labelled one. */
  readonly accuracy: number
  /** F1 of the groups themselves, in which a rare one weighs as a common one does. */
  readonly f1: number
  readonly groups: number
  readonly labelled: number
}

export function grouping(groups: readonly string[], labels: readonly string[]): Grouping {
  const found = linesBy(groups)
  const wanted = linesBy(labels)
  let lines = 0
  let right = 0
  for (const members of found.values()) {
    const label = labels[members[0] ?? 0] ?? ''
    const same = members.every((line) => labels[line] === label)
    if (!same || wanted.get(label)?.length !== members.length) continue
    lines += members.length
    right++
  }
  return {
    accuracy: lines / labels.length,
    f1: (2 * right) / (found.size + wanted.size),
    groups: found.size,
    labelled: wanted.size,
  }
}

function linesBy(names: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const lines = new Map<string, number[]>()
  names.forEach((name, i) => {
    const members = lines.get(name)
    if (members === undefined) lines.set(name, [i])
    else members.push(i)
  })
  return lines
}
