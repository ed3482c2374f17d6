import { type Command, InvalidArgumentError } from 'commander'
import { SqlError } from '../../lib/local/sql/engine.ts'
import { queryMaster } from '../../lib/local/sql/query-master.ts'
import { streams } from '../../streams/index.ts'
import { CommandError, type CommonOptions, print, say, withCommonOptions } from '../command.ts'
import { untilInterrupted } from '../interrupt.ts'
import { progressLine } from '../progress.ts'
import { table } from '../table.ts'
import { withData } from '../with-ports.ts'

interface SqlCommandOptions extends CommonOptions {
  readonly maxRows: number
  readonly withRetracted?: boolean
}

const MORE = `
One table for each stream: ${[...streams.keys()].join(', ')}. Besides the stream's fields a row has weir_outcome (ok, drop,
dead), weir_topic, weir_partition, weir_offset, weir_append_time, weir_event_time, weir_score, weir_severity, weir_reasons,
weir_rule, weir_dead_stage, weir_dead_reason, weir_raw and weir_extra (fields that no column holds, as JSON).

Examples:
  $ weir sql "select service, count(*) as n from network where weir_outcome = 'ok' group by all order by n desc limit 5"
  $ weir sql "select weir_dead_stage, weir_dead_reason, count(*) from network where weir_outcome = 'dead' group by all"
  $ weir sql "describe network" --json`

export function register(program: Command): void {
  const command = program
    .command('sql')
    .description('Ask the master in SQL (DuckDB here, Athena in AWS). It is only read.')
    .argument('<statement>', 'one select, describe or explain')
    .option('--max-rows <n>', 'rows that are read at most', rows, 10_000)
    .option('--with-retracted', 'also the rows of retracted stretches')
    .addHelpText('after', MORE)
  withCommonOptions(command).action(run)
}

async function run(statement: string, options: SqlCommandOptions): Promise<void> {
  const progress = progressLine()
  const startedMs = performance.now()
  let done = false
  await untilInterrupted(async (signal) => {
    const answer = await withData(options, (ports) =>
      queryMaster(ports, streams.values(), statement, {
        rowsMax: options.maxRows,
        withRetracted: options.withRetracted === true,
        onProgress: ({ done, of, text }) => progress.update({ done, total: of, text }),
        signal,
      }),
    )
      .catch((error: unknown) => {
        throw error instanceof SqlError ? new CommandError(error.message) : error
      })
      .finally(() => progress.clear())
    const { columns, rows, truncated, files } = answer
    const names = columns.map(({ name }) => name)
    const seconds = Math.round(performance.now() - startedMs) / 1000
    const objects = () => rows.map((row) => Object.fromEntries(names.map((name, i) => [name, row[i]])))
    const document =
      options.json === true ? { columns, rows: objects(), truncated, files, seconds } : undefined
    print(options, document, () =>
      table(
        names,
        rows.map((row) => row.map(cell)),
      ),
    )
    if (truncated) say(`There are more rows: only the first ${options.maxRows} are shown (--max-rows).`)
    done = true
  })
  if (!done) throw new CommandError('stopped')
}

function cell(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : value
}

function rows(text: string): number {
  const n = Number(text)
  if (Number.isInteger(n) && n > 0 && n <= 10_000_000) return n
  throw new InvalidArgumentError('it is a whole number from 1 to 10000000')
}
