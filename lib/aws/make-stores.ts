import { PortError } from '../ports/errors.ts'
import { AwsClient, type AwsClientSettings, refusalOf } from './http/aws-client.ts'
import type { HttpAnswer } from './http/transport.ts'
import { readErrorCode } from './s3-xml.ts'

/**
 * Makes the table and the bucket on servers of one's own, where they are not there yet; a deployment has them from the
 * CDK app, which alone decides about their backups and keys.
 */
type Server = Omit<AwsClientSettings, 'service'>

/** The table as lib/infra/store.ts makes it: pk and sk. Resolves once it takes requests. Rejects with a PortError. */
export async function makeTable(server: Server, table: string): Promise<void> {
  const keys = ['pk', 'sk'].map((name) => ({ AttributeName: name }))
  await onClient({ ...server, service: 'dynamodb' }, async (client) => {
    const input = {
      TableName: table,
      BillingMode: 'PAY_PER_REQUEST',
      AttributeDefinitions: keys.map((key) => ({ ...key, AttributeType: 'S' })),
      KeySchema: keys.map((key, i) => ({ ...key, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
    }
    await client.send(dynamoRequest('CreateTable', input), (answer) =>
      answer.status === 200 || exceptionName(answer) === 'ResourceInUseException'
        ? undefined
        : refusalOf(answer.status, exceptionName(answer), `create table ${table}`),
    )
    await client.send(dynamoRequest('DescribeTable', { TableName: table }), (answer) => {
      if (answer.status !== 200)
        return refusalOf(answer.status, exceptionName(answer), `describe table ${table}`)
      if (/"TableStatus"\s*:\s*"ACTIVE"/.test(answer.body.toString('utf8'))) return undefined
      return new PortError('UNAVAILABLE', `table ${table} is still being made`, { curable: true })
    })
  })
}

/** Rejects with a PortError. */
export async function makeBucket(server: Server, bucket: string): Promise<void> {
  await onClient({ ...server, service: 's3' }, async (client) => {
    await client.send({ method: 'PUT', path: `/${bucket}` }, (answer) => {
      if (answer.status === 200) return undefined
      const code = readErrorCode(answer.body.toString('utf8'))
      const there = code === 'BucketAlreadyOwnedByYou' || code === 'BucketAlreadyExists'
      return there ? undefined : refusalOf(answer.status, code, `create bucket ${bucket}`)
    })
  })
}

function dynamoRequest(operation: string, input: object) {
  return {
    method: 'POST',
    path: '/',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
    },
    body: Buffer.from(JSON.stringify(input)),
  }
}

function exceptionName({ body }: HttpAnswer): string {
  return /"__type"\s*:\s*"([^"]*)"/.exec(body.toString('utf8'))?.[1]?.replace(/^.*#/, '') ?? ''
}

async function onClient(
  settings: AwsClientSettings,
  use: (client: AwsClient) => Promise<void>,
): Promise<void> {
  const client = new AwsClient(settings)
  try {
    await use(client)
  } finally {
    client.close()
  }
}
