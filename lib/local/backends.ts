import { standardCredentials } from '../aws/http/credentials.ts'
import type { EventLog } from '../ports/event-log.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import { type DataFolder, openFolderStore, openSqliteStore } from './data-folder.ts'
import type { ServerEnv } from './servers.ts'

/** A local server has no region, but signatures want one. */
const REGION = 'us-east-1'
const TIMEOUT_MS = 10_000

/** The stores of a data folder, or those on the servers that stand in for them. */
export async function openBackends(
  folder: DataFolder,
  env: ServerEnv,
): Promise<{ keyed: KeyedStore; objects: ObjectStore }> {
  const keyed = env.WEIR_DYNAMODB_ENDPOINT ? await openDynamo(env) : await openSqliteStore(folder)
  const objects = env.WEIR_S3_ENDPOINT ? await openS3(env) : await openFolderStore(folder)
  return { keyed, objects }
}

/** Makes the table and the bucket on the servers, where they are not there yet. */
export async function prepareServers(env: ServerEnv): Promise<void> {
  const { makeTable, makeBucket } = await import('../aws/make-stores.ts')
  const { WEIR_DYNAMODB_ENDPOINT: dynamodb, WEIR_S3_ENDPOINT: s3 } = env
  if (dynamodb) await makeTable(server(dynamodb, env), env.WEIR_TABLE ?? '')
  if (s3) await makeBucket(server(s3, env), env.WEIR_BUCKET ?? '')
}

/** The log on Kafka; undefined where it is embedded. */
export async function openKafka(env: ServerEnv): Promise<EventLog | undefined> {
  if (!env.WEIR_BROKERS) return undefined
  const [{ KafkaLog }, { kafkaSettings }, { Deadline }] = await Promise.all([
    import('../aws/kafka-log.ts'),
    import('../aws/kafka-settings.ts'),
    import('../aws/deadline.ts'),
  ])
  const all = { ...process.env, ...env }
  return new KafkaLog(kafkaSettings(all, standardCredentials(all), new Deadline()))
}

async function openDynamo(env: ServerEnv): Promise<KeyedStore> {
  const { DynamoStore } = await import('../aws/dynamo-store.ts')
  return new DynamoStore({ ...server(env.WEIR_DYNAMODB_ENDPOINT ?? '', env), table: env.WEIR_TABLE ?? '' })
}

async function openS3(env: ServerEnv): Promise<ObjectStore> {
  const { S3Store } = await import('../aws/s3-store.ts')
  return new S3Store({ ...server(env.WEIR_S3_ENDPOINT ?? '', env), bucket: env.WEIR_BUCKET ?? '' })
}

function server(endpoint: string, env: ServerEnv) {
  const all = { ...process.env, ...env }
  const region = all.AWS_REGION || all.AWS_DEFAULT_REGION || REGION
  return { endpoint, region, credentials: standardCredentials(all), timeoutMs: TIMEOUT_MS }
}
