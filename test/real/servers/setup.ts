import type { TestProject } from 'vitest/node'
import { startDynamoDb } from './dynamodb.ts'
import { startKafka } from './kafka.ts'
import { startS3, startSignedS3 } from './s3.ts'
import type { RunningServer } from './server-process.ts'
import { MissingTool } from './tools.ts'

/** One server of a kind for all test files, or what this machine lacks to run it. */
export type Provided<T> = { readonly server: T } | { readonly missing: string }

export interface Endpoint {
  readonly endpoint: string
}

export interface S3Endpoint extends Endpoint {
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

declare module 'vitest' {
  interface ProvidedContext {
    kafka: Provided<Endpoint & { readonly jars: string }>
    dynamodb: Provided<Endpoint>
    s3: Provided<S3Endpoint>
    signedS3: Provided<S3Endpoint>
  }
}

const running: RunningServer[] = []

export async function setup(project: TestProject): Promise<void> {
  const [kafka, dynamodb, s3, signedS3] = await Promise.all([
    start('Kafka', startKafka),
    start('DynamoDB', startDynamoDb),
    start('S3', startS3),
    start('S3 with signatures', startSignedS3),
  ])
  // Tests run in other processes: only what is plain data reaches them.
  project.provide('kafka', 'missing' in kafka ? kafka : { server: pick(kafka.server, 'endpoint', 'jars') })
  project.provide(
    'dynamodb',
    'missing' in dynamodb ? dynamodb : { server: pick(dynamodb.server, 'endpoint') },
  )
  const s3Keys = ['endpoint', 'bucket', 'accessKeyId', 'secretAccessKey'] as const
  project.provide('s3', 'missing' in s3 ? s3 : { server: pick(s3.server, ...s3Keys) })
  project.provide('signedS3', 'missing' in signedS3 ? signedS3 : { server: pick(signedS3.server, ...s3Keys) })
}

export async function teardown(): Promise<void> {
  await Promise.all(running.map((server) => server.stop()))
}

async function start<T extends RunningServer>(name: string, starter: () => Promise<T>): Promise<Provided<T>> {
  try {
    const server = await starter()
    running.push(server)
    return { server }
  } catch (error) {
    if (!(error instanceof MissingTool)) throw error
    console.warn(`skipping the tests on ${name}: ${error.message}`)
    return { missing: error.message }
  }
}

function pick<T, K extends keyof T>(from: T, ...keys: readonly K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, from[key]])) as Pick<T, K>
}
