import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { S3Store } from '../../lib/aws/s3-store.ts'
import { objectStoreContract } from '../contracts/object-store.ts'
import { onServer } from './on-server.ts'
import type { S3Endpoint } from './servers/setup.ts'

function open(
  { endpoint, bucket, accessKeyId, secretAccessKey }: S3Endpoint,
  secret = secretAccessKey,
): S3Store {
  const credentials = async () => ({ accessKeyId, secretAccessKey: secret })
  return new S3Store({ endpoint, bucket, region: 'us-east-1', credentials, timeoutMs: 10_000 })
}

onServer('s3', (server) => {
  objectStoreContract('S3', async () => {
    const store = open(server)
    return { store, another: async () => open(server), close: () => store.close() }
  })

  describe('S3 conditions', () => {
    it('let one of many replace what stands, when each has bytes of its own', async () => {
      const clients = Array.from({ length: 8 }, () => open(server))
      const key = `race/${randomUUID()}`
      await clients[0]?.put(key, Buffer.from('start'))
      for (let round = 0; round < 30; round++) {
        const etag = (await clients[0]?.head(key))?.etag ?? ''
        const puts = clients.map((client, i) => client.put(key, Buffer.from(`${round} ${i}`), { etag }))
        expect((await Promise.all(puts)).filter(({ ok }) => ok)).toHaveLength(1)
      }
      await Promise.all(clients.map((client) => client.close()))
    })
  })
})

/** A server that checks signatures: names, queries and headers must be signed as they are sent. */
onServer('signedS3', (server) => {
  const store = open(server)
  afterAll(() => store.close())

  describe('S3 signatures', () => {
    it('fit keys and prefixes of every character allowed', async () => {
      const folder = `signed/${randomUUID()}`
      const keys = ['date=2026-11-20/a.parquet', "it's(x)!*", '_.-~'.replace('~', '='), 'A/Z/0/9']
      for (const key of keys) {
        const put = await store.put(`${folder}/${key}`, Buffer.from(key))
        expect(put).toMatchObject({ ok: true })
        expect((await store.head(`${folder}/${key}`))?.sizeBytes).toBe(key.length)
        expect(Buffer.from((await store.get(`${folder}/${key}`))?.bytes ?? []).toString()).toBe(key)
      }
      const listed = []
      for await (const { key } of store.list(`${folder}/`)) listed.push(key)
      expect(listed).toEqual(keys.map((key) => `${folder}/${key}`).toSorted())
    })

    it('fit ranges, conditions and deletes', async () => {
      const key = `signed/${randomUUID()}`
      const first = await store.put(key, Buffer.from('0123456789'), 'absent')
      expect(await store.put(key, Buffer.from('x'), 'absent')).toEqual({ ok: false })
      expect(Buffer.from((await store.get(key, { start: 2, end: 5 }))?.bytes ?? []).toString()).toBe('234')
      if (!first.ok) throw new Error('the first put failed')
      expect(await store.put(key, Buffer.from('y'), { etag: first.etag })).toMatchObject({ ok: true })
      expect(await store.put(key, Buffer.from('z'), { etag: first.etag })).toEqual({ ok: false })
      await store.delete(key)
      expect(await store.head(key)).toBeUndefined()
    })

    it('of another secret are refused, for good', async () => {
      const stranger = open(server, 'wrong')
      await expect(stranger.get('k')).rejects.toMatchObject({ code: 'DENIED', curable: false })
      await expect(stranger.head('k')).rejects.toMatchObject({ code: 'DENIED', curable: false })
      await stranger.close()
    })
  })
})
