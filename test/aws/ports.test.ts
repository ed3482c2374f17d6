import { describe, expect, it } from 'vitest'
import { Deadline } from '../../lib/aws/deadline.ts'
import { standardCredentials } from '../../lib/aws/http/credentials.ts'
import { kafkaSettings } from '../../lib/aws/kafka-settings.ts'
import { openPorts } from '../../lib/aws/ports.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'

const missing = (name: string) => ({
  name: 'PortError',
  code: 'MISCONFIGURED',
  message: expect.stringContaining(name),
})

describe('openPorts', () => {
  it('opens with nothing set, and says what is missing when a port is used', async () => {
    const ports = openPorts({})
    const batch = recordBatch([{ value: Buffer.alloc(1) }])
    await expect(ports.log.append('t', 0, batch)).rejects.toMatchObject(missing('WEIR_BROKERS'))
    await expect(ports.keyed.get('p', 's')).rejects.toMatchObject(missing('AWS_REGION'))
    expect(() => ports.site).toThrow(expect.objectContaining(missing('WEIR_SITE')))
    await ports.close()
    const inRegion = openPorts({ AWS_REGION: 'eu-west-1', WEIR_SITE: 'home' })
    await expect(inRegion.keyed.get('p', 's')).rejects.toMatchObject(missing('WEIR_TABLE'))
    await expect(inRegion.objects.head('k')).rejects.toMatchObject(missing('WEIR_BUCKET'))
    await expect(inRegion.publisher.send('c', 'f')).rejects.toMatchObject(missing('WEIR_WS_ENDPOINT'))
    await expect(first(inRegion.objects.list(''))).rejects.toMatchObject(missing('WEIR_BUCKET'))
    await expect(first(inRegion.keyed.query('p'))).rejects.toMatchObject(missing('WEIR_TABLE'))
    expect(inRegion.site).toBe('home')
    await inRegion.close()
  })

  it('gives the limits of every port without opening it', () => {
    const { log, keyed, publisher } = openPorts({})
    expect([log.maxBatchBytes, keyed.maxItemBytes, publisher.maxFrameBytes]).toEqual([
      1_000_000, 400_000, 32_768,
    ])
  })
})

describe('settings of Kafka', () => {
  const settings = (env: NodeJS.ProcessEnv) =>
    kafkaSettings(
      { WEIR_BROKERS: 'a:1,b:2', ...env },
      async () => ({ accessKeyId: 'k', secretAccessKey: 's' }),
      new Deadline(),
    )

  it('are plain where nothing is said', () => {
    const { brokers, tls, login, compression } = settings({})
    expect({ brokers, tls, login, compression }).toEqual({
      brokers: ['a:1', 'b:2'],
      tls: undefined,
      login: undefined,
      compression: 'zstd',
    })
  })

  it('log in to MSK by a token over TLS', async () => {
    const { tls, login } = settings({ WEIR_KAFKA_AUTH: 'iam', AWS_REGION: 'eu-west-1' })
    expect(tls).toEqual({})
    if (login?.mechanism !== 'OAUTHBEARER') throw new Error('not by token')
    expect(Buffer.from(await login.token(), 'base64url').toString()).toContain(
      'kafka.eu-west-1.amazonaws.com',
    )
  })

  it('log in by user and password, over TLS unless told otherwise', async () => {
    const env = { WEIR_KAFKA_AUTH: 'scram', WEIR_KAFKA_USERNAME: 'u', WEIR_KAFKA_PASSWORD: 'p' }
    expect(settings(env).tls).toEqual({})
    const { tls, login } = settings({ ...env, WEIR_KAFKA_TLS: 'off' })
    expect(tls).toBeUndefined()
    if (login?.mechanism !== 'SCRAM-SHA-512') throw new Error('not by SCRAM')
    expect(await login.credentials()).toEqual({ username: 'u', password: 'p' })
  })

  it.each([
    [{ WEIR_KAFKA_AUTH: 'kerberos' }, 'WEIR_KAFKA_AUTH'],
    [{ WEIR_KAFKA_AUTH: 'iam' }, 'AWS_REGION'],
    [{ WEIR_KAFKA_AUTH: 'scram', WEIR_KAFKA_USERNAME: 'u' }, 'WEIR_KAFKA_PASSWORD'],
    [{ WEIR_KAFKA_TIMEOUT_MS: '-1' }, 'WEIR_KAFKA_TIMEOUT_MS'],
    [{ WEIR_KAFKA_COMPRESSION: 'lz4' }, 'WEIR_KAFKA_COMPRESSION'],
    [{ WEIR_BROKERS: '' }, 'WEIR_BROKERS'],
  ])('name what is wrong: %o', (env, name) => {
    expect(() => settings(env)).toThrow(expect.objectContaining(missing(name)))
  })
})

describe('credentials', () => {
  it('come from the environment, with the session', async () => {
    const env = { AWS_ACCESS_KEY_ID: 'k', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 't' }
    expect(await standardCredentials(env)()).toMatchObject({ accessKeyId: 'k', sessionToken: 't' })
  })

  it('say what to do where there are none', async () => {
    await expect(standardCredentials({ PATH: '/nowhere' })()).rejects.toMatchObject({ code: 'DENIED' })
  })
})

async function first(items: AsyncIterable<unknown>): Promise<unknown> {
  for await (const item of items) return item
  return undefined
}
