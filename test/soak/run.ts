import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startDynamoDb } from '../real/servers/dynamodb.ts'
import { startKafka } from '../real/servers/kafka.ts'
import { startS3 } from '../real/servers/s3.ts'
import { type SoakOptions, soak, uniqueNames } from './soak.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '300' },
    records: { type: 'string', default: '200000' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    on: { type: 'string', default: 'embedded,servers' },
    help: { type: 'boolean', default: false },
  },
})

if (values.help) {
  console.log(`npm run soak -- [--seconds 300] [--records 200000] [--seed N] [--on embedded,servers]

Feeds sources at full speed, kills processes at random, recomputes all the time, changes views on the way, and compares
everything at the end. --seconds: of feeding, for each of --on. --records: of one source.`)
  process.exit(0)
}

const EMBEDDED = { servers: { args: [], env: {} }, stop: async () => undefined }
const seed = Number(values.seed)
let failed = false
for (const on of values.on.split(',')) {
  const dir = await mkdtemp(join(tmpdir(), 'weir-soak-'))
  const { servers, stop } = on === 'servers' ? await startServers() : EMBEDDED
  console.log(`soak on ${on}: ${values.seconds} s, seed ${seed}, below ${dir}`)
  const { seconds, records } = values
  const say = (line: string) => console.log(`  ${line}`)
  const report = await soak({
    dir,
    seconds: Number(seconds),
    recordsPerRun: Number(records),
    seed,
    servers,
    say,
  })
  await stop()
  console.log(JSON.stringify(report, undefined, 2))
  if (report.problems.length > 0) failed = true
  else await rm(dir, { recursive: true, force: true })
}
process.exitCode = failed ? 1 : 0

async function startServers(): Promise<{ servers: SoakOptions['servers']; stop: () => Promise<unknown> }> {
  const [kafka, dynamodb, s3] = await Promise.all([startKafka(), startDynamoDb(), startS3()])
  const { endpoint, accessKeyId, secretAccessKey } = s3
  return {
    servers: {
      args: ['--brokers', kafka.endpoint, '--dynamodb', dynamodb.endpoint, '--s3', endpoint],
      env: { ...uniqueNames(), AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey },
    },
    stop: () => Promise.all([kafka.stop(), dynamodb.stop(), s3.stop()]),
  }
}
