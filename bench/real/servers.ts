import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ServerEnv, serverEnv } from '../../lib/local/servers.ts'
import { startDynamoDb } from '../../test/real/servers/dynamodb.ts'
import { startKafka } from '../../test/real/servers/kafka.ts'
import { startS3 } from '../../test/real/servers/s3.ts'

/** Runs `use` on Kafka, DynamoDB Local and an S3 server of its own, and in a data folder of its own. */
export async function onServers(use: (env: ServerEnv, dir: string) => Promise<void>): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
  const servers = await Promise.all([startKafka(), startDynamoDb(), startS3()])
  const [kafka, dynamodb, s3] = servers
  try {
    const options = { brokers: kafka.endpoint, dynamodb: dynamodb.endpoint, s3: s3.endpoint }
    await use(serverEnv(options, {}), dir)
  } finally {
    await Promise.all(servers.map((server) => server.stop()))
    await rm(dir, { recursive: true, force: true })
  }
}
