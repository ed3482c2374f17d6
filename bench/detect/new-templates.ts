/**
 * What new kinds of lines come to: the first half of each log makes a model, the second is scored. How many of its lines the
 * model knows no template of, which were an alert each if every line was, and how many kinds they are, each of which is
 * raised once.
 *
 *     node bench/detect/new-templates.ts [FOLDER]
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Value } from '../../lib/stream/value.ts'
import { logs } from '../../streams/logs.ts'

const FOLDER = process.argv[2] ?? '../shared/data/logs'

function valuesOf(file: string): readonly Value[] {
  const lines = readFileSync(file, 'utf8').split(/\r?\n/)
  return lines.flatMap((line) => {
    const parsed = logs.parse(Buffer.from(line))
    return parsed.ok ? [logs.enrich(parsed.value)] : []
  })
}

/** Lines of the second half that are alerts of themselves, and what they are raised for. */
function alertsOf(values: readonly Value[]): { readonly lines: number; readonly raised: number } {
  const { detector } = logs
  if (detector === undefined) throw new Error('the stream logs declares no detector')
  const half = Math.floor(values.length / 2)
  const model = detector.train(values.slice(0, half), { seed: 1 })
  const scorer = detector.load(model.bytes, 'bench')
  const described = values.slice(half).map((value) => scorer.describe?.(value) ?? value)
  const scores = scorer.scores(described)
  const alerts = described.filter((_, i) => (scores[i] ?? 0) >= scorer.threshold)
  return { lines: alerts.length, raised: new Set(alerts.map((value) => logs.alertOnce(value)?.key)).size }
}

console.log('system        lines scored  alerts of lines  alerts raised')
let lines = 0
let raised = 0
for (const system of readdirSync(FOLDER)) {
  const file = join(FOLDER, system, `${system}_2k.log`)
  if (!existsSync(file)) continue
  const values = valuesOf(file)
  const found = alertsOf(values)
  lines += found.lines
  raised += found.raised
  const scored = values.length - Math.floor(values.length / 2)
  console.log(
    `${system.padEnd(12)}  ${String(scored).padStart(12)}  ${String(found.lines).padStart(15)}  ${String(found.raised).padStart(13)}`,
  )
}
console.log(
  `${'all'.padEnd(12)}  ${''.padStart(12)}  ${String(lines).padStart(15)}  ${String(raised).padStart(13)}`,
)
