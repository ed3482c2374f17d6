import { describe, expect, it } from 'vitest'
import { StatusPush } from '../../lib/local/status-push.ts'
import { tellOnce } from '../../lib/local/trouble.ts'
import { PortError } from '../../lib/ports/errors.ts'
import type { Status } from '../../lib/serve/dashboard-messages.ts'

const FRAME_BYTES_MAX = 32 * 1024

/** A server whose status can be made to fail or to be as large as wanted. */
function setUp() {
  const state = { failing: false, site: 'here' }
  const frames: { readonly channel?: string; readonly error?: unknown }[] = []
  const troubles: string[] = []
  const push = new StatusPush({
    read: async () => {
      if (state.failing) throw new PortError('CORRUPT', 'manifest x is not JSON', { curable: false })
      return { site: state.site, streams: [], parts: [] } as unknown as Status
    },
    publisher: {
      send: async (_, frame) => {
        if (frame.length > FRAME_BYTES_MAX)
          throw new PortError('FRAME_TOO_LARGE', 'a frame of too many bytes', { curable: false })
        frames.push(JSON.parse(frame))
        return 'sent'
      },
    },
    onTrouble: tellOnce((message) => troubles.push(message)),
  })
  return { state, frames, troubles, push }
}

describe('the status channel', () => {
  it.each(['that cannot be read', 'too large for a frame'])('outlives a status %s', async (kind) => {
    const { state, frames, troubles, push } = setUp()
    const damage = () => {
      if (kind === 'that cannot be read') state.failing = true
      else state.site = 'x'.repeat(FRAME_BYTES_MAX)
    }
    damage()
    await push.subscribe('client')
    expect(frames).toEqual([{ error: { code: 'INTERNAL', message: expect.any(String), channel: 'status' } }])
    for (let i = 0; i < 3; i++) await push.push()
    expect(troubles).toHaveLength(1)
    expect(frames).toHaveLength(1)
    Object.assign(state, { failing: false, site: 'here' })
    await push.push()
    expect(frames.at(-1)).toMatchObject({ channel: 'status', status: { site: 'here' } })
  })
})
