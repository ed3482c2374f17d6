import { S3Store } from '../../lib/aws/s3-store.ts'
import { objectStoreContract } from '../contracts/object-store.ts'
import { onServer } from './on-server.ts'

onServer('s3', ({ endpoint, bucket, accessKeyId, secretAccessKey }) => {
  const open = (): S3Store =>
    new S3Store({
      endpoint,
      bucket,
      region: 'us-east-1',
      credentials: async () => ({ accessKeyId, secretAccessKey }),
      timeoutMs: 10_000,
    })

  objectStoreContract('S3', async () => {
    const store = open()
    return { store, another: async () => open(), close: () => store.close() }
  })
})
