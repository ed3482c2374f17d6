/**
 * What the size of row groups does to a master file: `node bench/master/row-groups.bench.ts`. Bytes a row, rows per
 * CPU-second of Weir's own reader over two fields, and milliseconds of DuckDB's count by service. KDD 10 % file.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { DuckDBInstance } from '@duckdb/node-api'
import { columnData } from '../../lib/formats/parquet-columns.ts'
import { readParquet } from '../../lib/formats/parquet-read.ts'
import { openParquet } from '../../lib/formats/parquet-write.ts'
import { bytesFile } from '../../lib/master/object-file.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { network } from '../../streams/network.ts'

const FILE = '../shared/data/network/kddcup.data_10_percent.gz'
const SIZES = [8_192, 32_768, 65_536, 131_072, 262_144]
const ROUNDS = 5

async function main(): Promise<void> {
  if (!existsSync(FILE)) return console.error(`no ${FILE}: this bench needs the KDD 10 % file`)
  const lines = gunzipSync(readFileSync(FILE)).toString().split('\n').slice(0, 400_000)
  const data = columnData(network.columns, lines.map(entryOf))
  const dir = mkdtempSync(join(tmpdir(), 'weir-groups-'))
  const duckdb = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  for (const rowGroupSize of SIZES) {
    const { bytes, parquet } = openParquet(network.columns)
    parquet.write({ columnData: data, rowGroupSize })
    parquet.finish()
    const path = join(dir, `${rowGroupSize}.parquet`)
    writeFileSync(path, bytes.getBytes())
    const query = `select service, count(*) from read_parquet('${path}') where weir_outcome = 'ok' group by 1`
    const own = await best(async () => {
      for await (const _ of readParquet(bytesFile(bytes.getBytes()), {
        fields: ['service', 'src_bytes'],
        envelope: ['weir_outcome'],
      }));
    })
    const other = await best(async () => void (await duckdb.runAndReadAll(query)))
    const ownRowsPerCpuS = Math.round((lines.length / own) * 1e3)
    const bytesPerRow = +(bytes.getBytes().length / lines.length).toFixed(2)
    console.log(JSON.stringify({ rowGroupSize, bytesPerRow, ownRowsPerCpuS, duckdbMs: +other.toFixed(1) }))
  }
  rmSync(dir, { recursive: true })
}

function entryOf(line: string, offset: number): Entry {
  const parsed = network.parse(Buffer.from(line))
  if (!parsed.ok) throw new Error(`line ${offset + 1}: ${parsed.reason}`)
  const time = 1_700_000_000_000 + Math.floor(offset / 50)
  const head = {
    site: 'local',
    topic: 'network.raw.g1',
    partition: 0,
    offset,
    appendTime: time,
    eventTime: time,
  }
  return {
    ...head,
    outcome: 'ok',
    score: Math.sin(offset) ** 2,
    model: 'v1',
    value: network.enrich(parsed.value),
  }
}

/** CPU milliseconds of the best of some rounds. */
async function best(work: () => Promise<void>): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const since = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(since)
    least = Math.min(least, (user + system) / 1e3)
  }
  return least
}

await main()
