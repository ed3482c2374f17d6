import { type Command, InvalidArgumentError, Option } from 'commander'
import type { CostLine, Estimate } from '../../lib/infra/cost/estimate.ts'
import { streamNamed } from '../../streams/index.ts'
import { UsageError } from '../command.ts'
import { table } from '../table.ts'

interface CostOptions {
  readonly rate?: number
  readonly bytes?: number
  readonly kafka: 'standard' | 'express'
  readonly retentionDays: number
  readonly epochMinutes: number
  readonly months: number
  readonly subscribers: number
  readonly queries: number
  readonly json?: boolean
}

export function register(program: Command): void {
  program
    .command('cost')
    .description('What a deployment of a stream costs a month, by service: an estimate from list prices.')
    .argument('<stream>', 'name of the stream')
    .option('--rate <n>', 'records a second (required)', above0)
    .option('--bytes <n>', 'bytes of a record (required)', above0)
    .addOption(
      new Option('--kafka <kind>', 'kind of brokers').choices(['standard', 'express']).default('standard'),
    )
    .option('--retention-days <n>', 'how long topics keep records', above0, 7)
    .option('--epoch-minutes <n>', 'how often views are recomputed', above0, 60)
    .option('--months <n>', 'age of the master', above0, 12)
    .option('--subscribers <n>', 'WebSocket clients connected all the time', from0, 10)
    .option('--queries <n>', 'questions a second over HTTP', from0, 1)
    .option('--json', 'print one JSON document on stdout')
    .action(run)
}

async function run(name: string, options: CostOptions): Promise<void> {
  const stream = known(name)
  // Here and not above: what stages are is written with the CDK, which takes half a second to load.
  const [{ estimate }, prices, { ASSUMPTIONS }] = await Promise.all([
    import('../../lib/infra/cost/estimate.ts'),
    import('../../lib/infra/cost/prices.ts'),
    import('../../lib/infra/cost/assumptions.ts'),
  ])
  const { json, ...given } = options
  const load = { ...given, ...required(options) }
  const result = estimate(stream, load)
  const used = [...new Set(result.lines.map(({ price }) => price))].map((price) => prices.PRICES[price])
  if (json === true) {
    const { dollars, brokers, lines } = result
    const document = {
      stream: name,
      load,
      region: 'us-east-1',
      pricesOf: prices.PRICES_DATE,
      dollarsPerMonth: cents(dollars),
      byService: byService(result).map(([service, sum]) => ({ service, dollars: cents(sum) })),
      lines: lines.map((line) => ({
        ...line,
        dollars: cents(line.dollars),
        unit: prices.PRICES[line.price].unit,
      })),
      brokers,
      prices: used,
      assumptions: Object.values(ASSUMPTIONS),
    }
    process.stdout.write(`${JSON.stringify(document)}\n`)
    return
  }
  const parts = [
    `${name}: ${load.rate.toLocaleString('en-US')} records a second of ${load.bytes.toLocaleString('en-US')} bytes, a month of 730 hours, us-east-1`,
    costTable(result),
    `Prices as of ${prices.PRICES_DATE}, without free tiers and discounts`,
    table(
      ['price', '$', 'unit', 'source'],
      used.map(({ name: of, dollars, unit, source }) => [of, String(dollars), unit, source]),
    ),
    'Assumed',
    table(
      ['', ''],
      Object.values(ASSUMPTIONS).map(({ value, what }) => [String(value), what]),
    ).trimStart(),
  ]
  process.stdout.write(`${parts.join('\n\n')}\n`)
}

/** All that is missing at once. Throws a UsageError. */
function required({ rate, bytes }: CostOptions): { readonly rate: number; readonly bytes: number } {
  if (rate !== undefined && bytes !== undefined) return { rate, bytes }
  const missing = [
    ...(rate === undefined ? ['--rate, the records a second'] : []),
    ...(bytes === undefined ? ['--bytes, the bytes of a record'] : []),
  ]
  throw new UsageError(
    `an estimate needs ${missing.join(', and ')}; for example: weir cost network --rate 1000 --bytes 200`,
  )
}

function costTable(result: Estimate): string {
  const rows = byService(result).flatMap(([service, sum]) => [
    [service, '', money(sum)],
    ...result.lines
      .filter((line) => line.service === service)
      .map((line) => ['', line.what, money(line.dollars)]),
  ])
  const width = Math.max(...rows.map(([, , dollars = '']) => dollars.length), money(result.dollars).length)
  const right = (text = '') => text.padStart(width)
  return table(
    ['service', 'what', right('$ a month')],
    [
      ...rows.map(([service, what, dollars]) => [service, what, right(dollars)]),
      ['together', '', right(money(result.dollars))],
    ],
  )
}

function byService({
  lines,
}: {
  readonly lines: readonly CostLine[]
}): readonly (readonly [string, number])[] {
  const sums = new Map<string, number>()
  for (const { service, dollars } of lines) sums.set(service, (sums.get(service) ?? 0) + dollars)
  return [...sums].sort(([, left], [, right]) => right - left)
}

function cents(dollars: number): number {
  return Math.round(dollars * 100) / 100
}

function money(dollars: number): string {
  return dollars.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
}

function known(name: string) {
  try {
    return streamNamed(name)
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error))
  }
}

function above0(text: string): number {
  const n = Number(text)
  if (text !== '' && Number.isFinite(n) && n > 0) return n
  throw new InvalidArgumentError('it is a number above 0')
}

function from0(text: string): number {
  const n = Number(text)
  if (text !== '' && Number.isFinite(n) && n >= 0) return n
  throw new InvalidArgumentError('it is a number from 0 up')
}
