import { startDynamoDb } from './dynamodb.ts'
import { startKafka } from './kafka.ts'
import { startS3, startSignedS3 } from './s3.ts'
import type { RunningServer } from './server-process.ts'

/** `node test/real/servers/run.ts kafka|kafka3|dynamodb|s3|s3-signed|all`: servers for work by hand, until Ctrl-C. */
const STARTERS: Readonly<Record<string, () => Promise<RunningServer>>> = {
  kafka: () => startKafka(),
  kafka3: () => startKafka({ brokers: 3 }),
  dynamodb: startDynamoDb,
  s3: startS3,
  's3-signed': startSignedS3,
}

const ENDPOINT_VARIABLES: Readonly<Record<string, string>> = {
  kafka: 'WEIR_BROKERS',
  kafka3: 'WEIR_BROKERS',
  dynamodb: 'WEIR_DYNAMODB_ENDPOINT',
  s3: 'WEIR_S3_ENDPOINT',
  's3-signed': 'WEIR_S3_ENDPOINT',
}

const asked = process.argv.slice(2)
const names = asked.includes('all') ? ['kafka', 'dynamodb', 's3'] : asked
if (names.length === 0 || names.some((name) => STARTERS[name] === undefined)) {
  console.error('usage: node test/real/servers/run.ts kafka|kafka3|dynamodb|s3|s3-signed|all ...')
  process.exit(2)
}

const servers: RunningServer[] = []
try {
  for (const name of names) {
    const server = await STARTERS[name]?.()
    if (server === undefined) continue
    servers.push(server)
    console.log(`${ENDPOINT_VARIABLES[name]}=${server.endpoint}`)
    for (const [key, value] of Object.entries(server))
      if (typeof value === 'string' && key !== 'endpoint' && value !== '')
        console.error(`# ${name} ${key}: ${value}`)
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  await stop(1)
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop(0))
setInterval(() => {}, 1 << 30)

async function stop(code: number): Promise<never> {
  await Promise.all(servers.map((server) => server.stop()))
  process.exit(code)
}
