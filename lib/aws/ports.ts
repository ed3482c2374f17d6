import { setTimeout as sleep } from 'node:timers/promises'
import type { Ports } from '../ports/ports.ts'
import { EPOCH_MS_DEPLOYED } from '../stream/epoch.ts'
import { Deadline } from './deadline.ts'
import { EmfMetrics } from './emf-metrics.ts'
import { epochMsOf, required } from './env.ts'
import { type CredentialProvider, standardCredentials } from './http/credentials.ts'
import { kafkaSettings } from './kafka-settings.ts'
import { lazyEventLog, lazyKeyedStore, lazyObjectStore, lazyPublisher } from './lazy.ts'
import { CONNECTIONS_FRAME_BYTES_MAX, DYNAMO_ITEM_BYTES_MAX, KAFKA_BATCH_BYTES_MAX } from './limits.ts'

/** One try of a request. A put of a large object takes longer than a read of a small item. */
const DYNAMO_TIMEOUT_MS = 3000
const S3_TIMEOUT_MS = 30_000
const PUSH_TIMEOUT_MS = 3000

/**
 * The ports on Kafka, DynamoDB, S3 and API Gateway, as the environment says:
 *
 *     WEIR_SITE               name of this deployment
 *     WEIR_EPOCH_MS           length of an epoch in ms, an hour where it is unset; never changed in a deployment's life
 *     WEIR_BROKERS            bootstrap brokers; more about Kafka in kafka-settings.ts
 *     WEIR_TABLE              DynamoDB table; WEIR_DYNAMODB_ENDPOINT: a server in its stead
 *     WEIR_BUCKET             S3 bucket; WEIR_S3_ENDPOINT: a server in its stead
 *     WEIR_WS_ENDPOINT        https address of the WebSocket API's stage
 *     AWS_REGION              set by Lambda (us-east-1 for servers in a service's stead); credentials come as http/credentials.ts says
 *
 * Nothing is connected, nor its variables asked for, before its port is first used: then it rejects with MISCONFIGURED
 * where one is missing.
 */
export function openPorts(env: NodeJS.ProcessEnv): Ports {
  const deadline = new Deadline()
  const credentials = standardCredentials(env)
  const service = { env, credentials, deadline }
  const log = lazyEventLog(KAFKA_BATCH_BYTES_MAX, async () => {
    const { KafkaLog } = await import('./kafka-log.ts')
    return new KafkaLog(kafkaSettings(env, credentials, deadline))
  })
  const keyed = lazyKeyedStore(DYNAMO_ITEM_BYTES_MAX, () => openDynamo(service))
  const objects = lazyObjectStore(() => openS3(service))
  const publisher = lazyPublisher(CONNECTIONS_FRAME_BYTES_MAX, () => openConnections(service))
  return {
    // Part of every record's identity: better no answer than a wrong one.
    get site() {
      return required(env, 'WEIR_SITE', 'the name of this deployment')
    },
    get epochMs() {
      return epochMsOf(env) ?? EPOCH_MS_DEPLOYED
    },
    ...{ log, keyed, objects, publisher },
    metrics: new EmfMetrics(env.WEIR_SITE || 'unnamed'),
    clock: {
      nowMs: () => Date.now(),
      sleep: (ms, signal) => sleep(ms, undefined, signal === undefined ? {} : { signal }),
    },
    beginInvocation: (endsAtMs) => deadline.renew(endsAtMs),
    async close() {
      await Promise.all([log.close(), keyed.close(), objects.close(), publisher.close()])
    },
  }
}

interface Service {
  readonly env: NodeJS.ProcessEnv
  readonly credentials: CredentialProvider
  readonly deadline: Deadline
}

async function openDynamo({ env, credentials, deadline }: Service) {
  const region = regionOf(env, env.WEIR_DYNAMODB_ENDPOINT)
  const table = required(env, 'WEIR_TABLE', 'the name of the DynamoDB table')
  const [{ DynamoStore }, { awsEndpoint }] = await Promise.all([
    import('./dynamo-store.ts'),
    import('./http/aws-client.ts'),
  ])
  const endpoint = env.WEIR_DYNAMODB_ENDPOINT || awsEndpoint('dynamodb', region)
  return new DynamoStore({ table, region, endpoint, credentials, deadline, timeoutMs: DYNAMO_TIMEOUT_MS })
}

async function openS3({ env, credentials, deadline }: Service) {
  const region = regionOf(env, env.WEIR_S3_ENDPOINT)
  const bucket = required(env, 'WEIR_BUCKET', 'the name of the S3 bucket')
  const endpoint = env.WEIR_S3_ENDPOINT || undefined
  const { S3Store } = await import('./s3-store.ts')
  return new S3Store({ bucket, region, endpoint, credentials, deadline, timeoutMs: S3_TIMEOUT_MS })
}

async function openConnections({ env, credentials, deadline }: Service) {
  const region = regionOf(env)
  const endpoint = required(env, 'WEIR_WS_ENDPOINT', "the https address of the WebSocket API's stage")
  const { ConnectionsPublisher } = await import('./connections-publisher.ts')
  return new ConnectionsPublisher({ region, endpoint, credentials, deadline, timeoutMs: PUSH_TIMEOUT_MS })
}

/** A server in a service's stead has no region, but signatures want one. */
function regionOf(env: NodeJS.ProcessEnv, standIn?: string): string {
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION || (standIn ? 'us-east-1' : undefined)
  return region ?? required(env, 'AWS_REGION', 'the region, such as eu-west-1')
}
