/**
 * Log templates on ten systems: how well the mined groups agree with people's, with one configuration, from messages
 * alone; and how many lines a second are mined, and matched against known templates, on one core, against a floor timed
 * in turn with it: looking at every character once.
 *
 *     node bench/detect/templates.ts [--rounds N]
 */
import { cpus } from 'node:os'
import { parseArgs } from 'node:util'
import { TemplateMatcher } from '../../lib/detect/template-matcher.ts'
import { TemplateMiner } from '../../lib/detect/template-miner.ts'
import { type Grouping, grouping, readLoghub, SYSTEMS } from './loghub.ts'

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
const REPEATS = 20

function mined(lines: readonly string[]): TemplateMatcher {
  const miner = new TemplateMiner()
  for (const line of lines) miner.add(line)
  return new TemplateMatcher(miner.templates().map(({ parts }) => parts))
}

/** Lines a second of CPU time. */
function speed(lines: readonly string[], work: (line: string) => void): number {
  const before = process.cpuUsage()
  for (let i = 0; i < REPEATS; i++) for (const line of lines) work(line)
  const { user, system } = process.cpuUsage(before)
  return (lines.length * REPEATS) / ((user + system) / 1e6)
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
}

const data = SYSTEMS.map((system) => ({ system, ...readLoghub(system) }))
const results: Grouping[] = []
console.log('system       accuracy  F1 of groups  groups  labelled')
for (const { system, contents, labels } of data) {
  const matcher = mined(contents)
  const result = grouping(
    contents.map((line) => matcher.match(line).id),
    labels,
  )
  results.push(result)
  const { accuracy, f1, groups, labelled } = result
  console.log(
    `${system.padEnd(12)}  ${accuracy.toFixed(4)}        ${f1.toFixed(4)}  ${String(groups).padStart(6)}  ${String(labelled).padStart(8)}`,
  )
}
const mean = (pick: (result: Grouping) => number) =>
  (results.reduce((sum, result) => sum + pick(result), 0) / results.length).toFixed(4)
console.log(`${'mean'.padEnd(12)}  ${mean(({ accuracy }) => accuracy)}        ${mean(({ f1 }) => f1)}`)

// Strings of their own: those cut out of a file's text would be slower to read than a record's fields are.
const lines = data.flatMap(({ contents }) => contents.map((line) => Buffer.from(line).toString()))
const matcher = mined(lines)
const rounds = Array.from({ length: Number(values.rounds) + 1 }, () => {
  let seen = 0
  const floor = speed(lines, (line) => {
    for (let i = 0; i < line.length; i++) seen += line.charCodeAt(i)
  })
  const match = speed(lines, (line) => {
    if (matcher.match(line).known) seen++
  })
  const miner = new TemplateMiner()
  const mine = speed(lines, (line) => miner.add(line))
  if (seen === 0) throw new Error('nothing was read')
  return { floor, match, mine }
}).slice(1)
const per = (pick: (round: (typeof rounds)[number]) => number) =>
  Math.round(median(rounds.map(pick))).toLocaleString('en-US')
const ratio = (pick: (round: (typeof rounds)[number]) => number) =>
  median(rounds.map((round) => round.floor / pick(round))).toFixed(1)
const chars = lines.reduce((sum, { length }) => sum + length, 0) / lines.length
console.log(
  `\n${cpus()[0]?.model.trim()}, Node ${process.version}; ${lines.length} messages of ${chars.toFixed(0)} characters, all systems as one; median of ${rounds.length} rounds, CPU time of one core`,
)
console.log(`floor: every character once  ${per(({ floor }) => floor)} lines/s`)
console.log(
  `match to a known template    ${per(({ match }) => match)} lines/s, ${ratio(({ match }) => match)} x the floor`,
)
console.log(
  `mine                         ${per(({ mine }) => mine)} lines/s, ${ratio(({ mine }) => mine)} x the floor`,
)
