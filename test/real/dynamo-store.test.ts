import { beforeAll } from 'vitest'
import { DynamoStore } from '../../lib/aws/dynamo-store.ts'
import { keyedStoreContract } from '../contracts/keyed-store.ts'
import { createTable } from './dynamo-table.ts'
import { onServer } from './on-server.ts'

onServer('dynamodb', ({ endpoint }) => {
  const open = (): DynamoStore =>
    new DynamoStore({
      endpoint,
      table: 'contract',
      region: 'us-east-1',
      credentials: async () => ({ accessKeyId: 'test', secretAccessKey: 'test' }),
      timeoutMs: 5000,
    })

  beforeAll(() => createTable(endpoint, 'contract'))
  keyedStoreContract('DynamoDB', async () => {
    const store = open()
    return { store, another: async () => open(), close: () => store.close() }
  })
})
