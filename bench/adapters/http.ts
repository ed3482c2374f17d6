import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { DynamoStore } from '../../lib/aws/dynamo-store.ts'
import { signHeaders } from '../../lib/aws/http/sign.ts'
import { Transport } from '../../lib/aws/http/transport.ts'
import { compare, print } from './measure.ts'

/** `node bench/adapters/http.ts`: CPU per DynamoDB request through the SDK and through Weir's own client. */
const child = fork(join(import.meta.dirname, 'fake-dynamodb.ts'))
const [endpoint] = (await once(child, 'message')) as [string]
const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const region = 'eu-west-1'

const sdk = new DynamoDBClient({ endpoint, region, credentials: keys })
const own = new DynamoStore({ endpoint, region, table: 't', credentials: async () => keys, timeoutMs: 5000 })
const data = Buffer.alloc(3000, 7)
const Key = { pk: { S: 'p' }, sk: { S: 's' } }

const requests = await compare(
  [
    {
      name: 'get, SDK',
      run: () => sdk.send(new GetItemCommand({ TableName: 't', Key, ConsistentRead: true })),
    },
    { name: 'get, own', run: () => own.get('p', 's') },
    {
      name: 'conditional put, SDK',
      run: () =>
        sdk.send(
          new PutItemCommand({
            TableName: 't',
            Item: { ...Key, rev: { S: '2' }, data: { B: data } },
            ConditionExpression: 'rev = :rev',
            ExpressionAttributeValues: { ':rev': { S: '1' } },
            ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
          }),
        ),
    },
    { name: 'conditional put, own', run: () => own.put({ pk: 'p', sk: 's', rev: '2', data }, { rev: '1' }) },
  ],
  1500,
)
print('per request, 3 kB items, server in another process', requests.map(rounded))

const body = Buffer.from('{}')
const transport = new Transport(new URL(endpoint))
const unsigned = { method: 'POST', host: 'h', path: '/', query: {}, headers: { 'x-amz-target': 't' }, body }
const parts = await compare(
  [
    { name: 'node:http', run: () => transport.send({ method: 'POST', path: '/', headers: {}, body }, 5000) },
    {
      name: 'global fetch',
      run: async () => (await fetch(endpoint, { method: 'POST', body })).arrayBuffer(),
    },
    {
      name: 'signing',
      run: () => signHeaders(unsigned, { service: 'dynamodb', region }, keys, Date.now()),
    },
  ],
  1500,
)
print('parts of it', parts.map(rounded))
transport.close()
await own.close()
sdk.destroy()
child.disconnect()
child.kill()

function rounded({ name, cpuMs, wallMs }: { name: string; cpuMs: number; wallMs: number }) {
  return { name, cpuMs: Number(cpuMs.toFixed(4)), wallMs: Number(wallMs.toFixed(4)) }
}
