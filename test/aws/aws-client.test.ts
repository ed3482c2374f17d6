import { afterEach, describe, expect, it } from 'vitest'
import { Deadline } from '../../lib/aws/deadline.ts'
import { AwsClient, refusalOf } from '../../lib/aws/http/aws-client.ts'
import { type Answer, type Asked, FakeService, TEST_KEYS } from './fake-service.ts'

let service: FakeService
let client: AwsClient
afterEach(async () => {
  client.close()
  await service.stop()
})

async function open(
  reply: (asked: Asked, nth: number) => Answer | 'hang' | 'cut',
  more: { deadline?: Deadline; timeoutMs?: number; path?: string } = {},
): Promise<void> {
  service = await new FakeService(reply).start()
  client = new AwsClient({
    service: 'dynamodb',
    region: 'eu-west-1',
    endpoint: service.endpoint + (more.path ?? ''),
    credentials: async () => TEST_KEYS,
    timeoutMs: more.timeoutMs ?? 60_000,
    attempts: 3,
    deadline: more.deadline,
  })
}

const send = () =>
  client.send({ method: 'POST', path: '/x', body: Buffer.from('{}') }, ({ status }) =>
    status === 200 ? undefined : refusalOf(status, status === 400 ? 'ThrottlingException' : '', ''),
  )

describe('a request to AWS', () => {
  it('is repeated after throttling, without doubt about its effect', async () => {
    await open((_, nth) => ({ status: nth < 2 ? 400 : 200 }))
    expect(await send()).toMatchObject({ doubtful: false, answer: { status: 200 } })
    expect(service.asked).toHaveLength(3)
  })

  it.each([
    ['a 500', { status: 500 }],
    ['a cut connection', 'cut'],
    ['silence', 'hang'],
  ] as const)('is repeated after %s, in doubt about its effect', async (_, failure) => {
    const timeoutMs = failure === 'hang' ? 1000 : 60_000
    await open((__, nth) => (nth === 0 ? failure : { status: 200 }), { timeoutMs })
    expect(await send()).toMatchObject({ doubtful: true, answer: { status: 200 } })
  })

  it('is given up with its last error, curable', async () => {
    await open(() => ({ status: 503 }))
    await expect(send()).rejects.toMatchObject({ name: 'PortError', code: 'UNAVAILABLE', curable: true })
    expect(service.asked).toHaveLength(3)
  })

  it('is not repeated where that cures nothing', async () => {
    await open(() => ({ status: 403 }))
    await expect(send()).rejects.toMatchObject({ code: 'DENIED', curable: false })
    expect(service.asked).toHaveLength(1)
  })

  it('is not begun after the deadline, and is not waited for beyond it', async () => {
    const deadline = new Deadline(Date.now() - 1)
    await open(() => 'hang', { deadline, timeoutMs: 60_000 })
    await expect(send()).rejects.toMatchObject({ code: 'TIMEOUT', curable: true })
    expect(service.asked).toHaveLength(0)
    deadline.renew(Date.now() + 1000)
    await expect(send()).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(service.asked).toHaveLength(1)
  })

  it('goes over the connection of the one before', async () => {
    await open(() => ({ status: 200 }))
    for (let i = 0; i < 5; i++) await send()
    expect(new Set(service.asked.map(({ port }) => port)).size).toBe(1)
  })

  it("keeps the endpoint's path before its own", async () => {
    await open(() => ({ status: 200 }), { path: '/stage' })
    await send()
    expect(service.asked[0]?.path).toBe('/stage/x')
  })

  it('says whom it could not reach', async () => {
    await open(() => ({ status: 200 }))
    await service.stop()
    await expect(send()).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      curable: true,
      message: expect.stringContaining('127.0.0.1'),
    })
  })
})
