import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { KafkaLog, type KafkaLogSettings } from '../../lib/aws/kafka-log.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { onServer } from './on-server.ts'
import { type RunningKafka, startKafka } from './servers/kafka.ts'
import { run } from './servers/tools.ts'

const PASSWORD = 'changeit'
const JAAS = 'org.apache.kafka.common.security'

/** TLS and logging in, on a broker that demands both. */
onServer('kafka', () => {
  let kafka: RunningKafka
  let folder: string
  let ca: string

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-tls-'))
    ca = await makeCertificate(folder)
    kafka = await startKafka({
      secureListener: 'SASL_SSL',
      users: [{ name: 'weir', password: 'secret with = and ü' }],
      properties: {
        'ssl.keystore.location': join(folder, 'keystore.p12'),
        'ssl.keystore.password': PASSWORD,
        'sasl.enabled.mechanisms': 'SCRAM-SHA-512,SCRAM-SHA-256,OAUTHBEARER',
        'listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config': `${JAAS}.scram.ScramLoginModule required;`,
        'listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config': `${JAAS}.scram.ScramLoginModule required;`,
        'listener.name.sasl_ssl.oauthbearer.sasl.jaas.config': `${JAAS}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
        'listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class': `${JAAS}.oauthbearer.internals.unsecured.OAuthBearerUnsecuredValidatorCallbackHandler`,
        'connections.max.reauth.ms': '3000',
      },
    })
  })
  afterAll(async () => {
    await kafka?.stop()
    await rm(folder, { recursive: true, force: true })
  })

  const logs: KafkaLog[] = []
  afterAll(async () => {
    await Promise.all(logs.map((log) => log.close()))
  })
  const open = (login: KafkaLogSettings['login'], tls: KafkaLogSettings['tls'] = { ca }): KafkaLog => {
    const brokers = [kafka.secureEndpoint]
    const log = new KafkaLog({
      brokers,
      clientId: 't',
      requestTimeoutMs: 3000,
      compression: 'zstd',
      tls,
      login,
    })
    logs.push(log)
    return log
  }
  const password = (mechanism: 'SCRAM-SHA-512' | 'SCRAM-SHA-256', word: string) =>
    open({ mechanism, credentials: async () => ({ username: 'weir', password: word }) })
  const roundTrip = async (log: KafkaLog): Promise<void> => {
    const topic = `secure-${randomUUID()}`
    await log.createTopic(topic, 1)
    await log.append(topic, 0, recordBatch([{ value: Buffer.from('x') }]))
    expect(await log.read(topic, 0, 0, 100)).toHaveLength(1)
  }

  describe('Kafka behind TLS and SASL', () => {
    it.each(['SCRAM-SHA-512', 'SCRAM-SHA-256'] as const)('is reached by %s', async (mechanism) => {
      await roundTrip(password(mechanism, 'secret with = and ü'))
    })

    it('is reached by a token, which is asked for at every login', async () => {
      let tokens = 0
      await roundTrip(open({ mechanism: 'OAUTHBEARER', token: async () => unsecuredToken(++tokens) }))
      expect(tokens).toBeGreaterThan(1)
    })

    it('refuses a wrong password and a bad token, for good', async () => {
      const denied = { name: 'PortError', code: 'DENIED', curable: false }
      await expect(password('SCRAM-SHA-512', 'wrong').describeTopic('t')).rejects.toMatchObject(denied)
      const badToken = open({ mechanism: 'OAUTHBEARER', token: async () => 'bad' })
      await expect(badToken.describeTopic('t')).rejects.toMatchObject(denied)
    })

    it('is not reached under a certificate that no one vouches for', async () => {
      const log = open({ mechanism: 'OAUTHBEARER', token: async () => unsecuredToken(0) }, {})
      await expect(log.describeTopic('t')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    })

    it('goes on past the end of a session', async () => {
      const log = password('SCRAM-SHA-512', 'secret with = and ü')
      const topic = `secure-${randomUUID()}`
      await log.createTopic(topic, 1)
      for (let i = 0; i < 5; i++) {
        await log.append(topic, 0, recordBatch([{ value: Buffer.from(`${i}`) }]))
        await sleep(1000)
      }
      expect(await log.offsets(topic, 0)).toEqual({ start: 0, end: 5 })
    })
  })
})

/** A keystore for 127.0.0.1 by Java's keytool; resolves with its certificate. */
async function makeCertificate(folder: string): Promise<string> {
  const store = ['-keystore', join(folder, 'keystore.p12'), '-storetype', 'PKCS12', '-storepass', PASSWORD]
  const what = [
    '-genkeypair',
    '-alias',
    'broker',
    '-keyalg',
    'EC',
    '-dname',
    'CN=weir test',
    '-validity',
    '2',
  ]
  await run('keytool', [...what, '-ext', 'san=ip:127.0.0.1,dns:localhost', ...store])
  const pem = join(folder, 'broker.pem')
  await run('keytool', ['-exportcert', '-rfc', '-alias', 'broker', '-file', pem, ...store])
  return readFile(pem, 'utf8')
}

/** A token as Kafka's own test handler takes it: an unsigned JWT. */
function unsecuredToken(id: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const nowS = Math.floor(Date.now() / 1000)
  return `${part({ alg: 'none' })}.${part({ sub: 'weir', iat: nowS - 1, exp: nowS + 60, jti: `${id}` })}.`
}
