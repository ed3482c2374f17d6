import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { headKey } from '../../lib/master/keys.ts'
import { Site } from './site.ts'
import { eventually, inFolder } from './weir.ts'

/** A connection that keeps every frame. */
async function listen(url: string) {
  const frames: { readonly channel?: string; readonly error?: unknown }[] = []
  const socket = new WebSocket(url)
  socket.on('message', (data) => frames.push(JSON.parse(String(data))))
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject))
  return { socket, frames }
}

describe('weir dev whose master is damaged under it', { timeout: 240_000 }, () => {
  it('says so, tells who asks for the status, and goes on once it is mended', () =>
    inFolder(async (dir) => {
      const data = join(dir, 'data')
      const site = await Site.start(data)
      const objects = await FolderStore.open(join(data, 'objects'))
      const { socket, frames } = await listen(site.webSocketUrl)
      try {
        const key = headKey('network', 'network.raw.g1', 0)
        await objects.put(key, Buffer.from('{"form":1,'))
        await eventually('the damage to be said', () =>
          site.process.err.includes('is not JSON') ? true : undefined,
        )
        socket.send(JSON.stringify({ action: 'subscribe', channel: 'status' }))
        await eventually('an answer', () => frames.find(({ error }) => error !== undefined))
        expect(frames).toEqual([
          { error: { code: 'INTERNAL', message: expect.any(String), channel: 'status' } },
        ])
        expect((await site.get('/api/status')).status).toBe(500)
        await new Promise((resolve) => setTimeout(resolve, 2500))
        expect(site.process.err.match(/^status: .*is not JSON/gm)).toHaveLength(1)
        await objects.delete(key)
        await eventually('the status', () => frames.find(({ channel }) => channel === 'status'))
        expect((await site.get('/api/status')).status).toBe(200)
      } finally {
        socket.close()
        await objects.close()
        await site.process.kill()
      }
    }))
})
