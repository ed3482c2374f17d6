/**
 * How well and how fast the network stream's detector works, on the KDD Cup 1999 10 % file.
 *
 *     node bench/detect/forest.ts [seeds]      default 3; about 20 s a seed
 */
import { cpus } from 'node:os'
import { network } from '../../streams/network.ts'
import { costOf } from './cost.ts'
import { hasKdd, readKdd } from './kdd.ts'
import { attacksAFifth, inStreamOrder, type Measured } from './measures.ts'

const seeds = Array.from({ length: Number(process.argv[2] ?? 3) }, (_, i) => i + 1)
const { detector } = network
if (detector === undefined) throw new Error('the network stream declares no detector')
if (!hasKdd()) {
  console.error('skipped: ../shared/data/network/kddcup.data_10_percent.gz is not there')
  process.exit(0)
}

console.log(`machine   ${cpus().length} x ${cpus()[0]?.model.trim()}, node ${process.version}`)
console.log(
  `method    ${detector.kind}, ${detector.features.length} fields, no label used; seeds ${seeds.join(' ')}`,
)
const kdd = readKdd()

show('stream order, refit every 20,000, score only what follows', (seed) =>
  inStreamOrder(detector, kdd, seed),
)
show('attacks thinned to 20 %, fitted on what it scores', (seed) => attacksAFifth(detector, kdd, seed))

const startedMs = performance.now()
const trained = detector.train(kdd.values, { seed: 1 })
const trainSeconds = (performance.now() - startedMs) / 1000
const scorer = detector.load(trained.bytes, 'bench')
const cost = costOf(scorer, kdd.values)
console.log(
  `\ntraining on all ${kdd.values.length} rows: ${trainSeconds.toFixed(2)} s, model ${trained.bytes.length} bytes`,
)
console.log(
  `a record: score ${cost.scoreUs.toFixed(2)} us, JSON.parse (floor) ${cost.parseUs.toFixed(2)} us, ` +
    `ratio ${cost.scoreToParse.toFixed(2)}; reasons ${cost.reasonsUs.toFixed(1)} us, for alerts only`,
)

function show(title: string, measure: (seed: number) => Measured): void {
  const all = seeds.map(measure)
  console.log(`\n${title}`)
  line('AUC', (one) => one.auc, Math.min)
  line('macro AUC per attack type', (one) => one.macroAuc, Math.min)
  line('average precision', (one) => one.averagePrecision, Math.min)
  line('precision at threshold', (one) => one.precision, Math.min)
  line('recall at threshold', (one) => one.recall, Math.min)
  line('false alarm rate', (one) => one.falseAlarmRate, Math.max)
  line('training seconds in all', (one) => one.trainSeconds, Math.max)
  console.log(`  hardest kinds (seed 1)     ${all[0]?.worstKinds}`)

  function line(name: string, of: (one: Measured) => number, worst: (...figures: number[]) => number): void {
    const figures = all.map(of)
    const mean = figures.reduce((sum, figure) => sum + figure, 0) / figures.length
    console.log(`  ${name.padEnd(26)} ${mean.toFixed(4)}  worst ${worst(...figures).toFixed(4)}`)
  }
}
