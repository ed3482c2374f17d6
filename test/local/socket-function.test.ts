import { describe, expect, it } from 'vitest'
import { type SocketEvent, SocketFunction } from '../../lib/local/socket-function.ts'

describe('the queue of the socket function', () => {
  it('keeps messages in order and refuses them once a thousand wait, but never a disconnect', async () => {
    const seen: string[] = []
    let open: () => void = () => undefined
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const one = new SocketFunction({
      invoke: async (event) => {
        await gate
        const { requestContext, body } = JSON.parse(Buffer.concat(event).toString()) as SocketEvent
        seen.push(body ?? requestContext.routeKey)
      },
    })
    const waiting = Array.from({ length: 1000 }, (_, i) => one.handle('a', '$default', String(i)))
    await expect(one.handle('b', '$default', 'late')).rejects.toMatchObject({ code: 'THROTTLED' })
    await expect(one.handle('b', '$connect')).rejects.toMatchObject({ code: 'THROTTLED' })
    waiting.push(one.handle('a', '$disconnect'))
    open()
    await Promise.all(waiting)
    expect(seen).toEqual([...Array.from({ length: 1000 }, (_, i) => String(i)), '$disconnect'])
    await one.handle('b', '$default', 'again')
    expect(seen.at(-1)).toBe('again')
  })

  it('goes on after an event that failed twice', async () => {
    let failures = 2
    const one = new SocketFunction({
      invoke: async () => {
        if (failures-- > 0) throw new Error('died')
        return 'done'
      },
    })
    await expect(one.handle('a', '$default', 'x')).rejects.toThrow('died')
    expect(await one.handle('a', '$default', 'y')).toBe('done')
  })
})
