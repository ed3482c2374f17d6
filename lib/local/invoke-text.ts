import type { InvokeAnswer } from './invoke.ts'
import type { ItemChange, ObjectChange, Produced, Recording } from './recording.ts'

/** Characters of one value on one line; --json has it whole. */
const VALUE_CHARS_MAX = 220

/** What an invocation answered and did, for people. */
export function invocationText({ answered, error, loadMs, durationMs, recording }: InvokeAnswer): string {
  return [
    error === undefined ? `answered  ${short(answered)}` : `threw     ${error.name}: ${error.message}`,
    `took      ${durationMs.toFixed(1)} ms, after ${loadMs.toFixed(0)} ms of loading`,
    ...producedLines(recording.produced),
    ...storedLines(recording),
    ...pushedLines(recording),
    ...recording.figures.map(
      ({ stage, stream, figures }) => `figures   ${stage} ${stream} ${figureText(figures)}`,
    ),
  ].join('\n')
}

function producedLines(appends: readonly Produced[]): readonly string[] {
  const records = appends.reduce((sum, append) => sum + append.records.length, 0)
  return [
    `produced  ${counted(records, 'record')}`,
    ...appends.flatMap(({ topic, partition, baseOffset, records: own }) =>
      own.map(({ value }, i) => `  ${topic}-${partition} @${baseOffset + i}  ${short(value)}`),
    ),
  ]
}

function storedLines({ items, objects }: Recording): readonly string[] {
  return [
    `stored    ${counted(items.length, 'item')}, ${counted(objects.length, 'object')}`,
    ...items.map(itemLine),
    ...objects.map(objectLine),
  ]
}

function itemLine({ change, pk, sk, done, sizeBytes, data }: ItemChange): string {
  const what = data === undefined ? '' : `  ${sizeBytes} bytes  ${short(data)}`
  return `  ${verb(change, done)} ${pk} ${sk}${what}`
}

function objectLine({ change, key, done, sizeBytes }: ObjectChange): string {
  return `  ${verb(change, done)} ${key}${sizeBytes === undefined ? '' : `  ${sizeBytes} bytes`}`
}

function verb(change: 'put' | 'delete', done: boolean): string {
  return done ? change : `${change} refused (its condition did not hold)`
}

function pushedLines({ pushed }: Recording): readonly string[] {
  return [
    `pushed    ${counted(pushed.length, 'frame')}`,
    ...pushed.map(({ connectionId, frame }) => `  to ${connectionId}  ${short(frame)}`),
  ]
}

function figureText(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ')
}

function counted(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? '' : 's'}`
}

function short(value: unknown): string {
  if (typeof value === 'object' && value !== null && 'base64' in value) return '(binary)'
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing')
  return text.length <= VALUE_CHARS_MAX
    ? text
    : `${text.slice(0, VALUE_CHARS_MAX)}… (${text.length} characters)`
}
