import type { Deadline } from './deadline.ts'
import { oneOf, positive, required } from './env.ts'
import type { CredentialProvider } from './http/credentials.ts'
import type { Login } from './kafka/sasl.ts'
import type { KafkaLogSettings } from './kafka-log.ts'

/**
 * How to reach Kafka, from the environment:
 *
 *     WEIR_BROKERS            host:port, separated by commas
 *     WEIR_KAFKA_AUTH         none (default) | iam (MSK) | scram
 *     WEIR_KAFKA_TLS          on | off; on by default unless WEIR_KAFKA_AUTH is none
 *     WEIR_KAFKA_SECRET_ARN   for scram: the Secrets Manager secret that holds username and password, or else
 *     WEIR_KAFKA_USERNAME, WEIR_KAFKA_PASSWORD
 *     WEIR_KAFKA_SCRAM        SCRAM-SHA-512 (default, MSK's only one) | SCRAM-SHA-256
 *     WEIR_KAFKA_COMPRESSION  zstd (default) | gzip | none
 *     WEIR_KAFKA_TIMEOUT_MS   how long a broker has for an answer; 5000
 *
 * Another certificate authority than Node's own comes by NODE_EXTRA_CA_CERTS. Throws MISCONFIGURED.
 */
export function kafkaSettings(
  env: NodeJS.ProcessEnv,
  credentials: CredentialProvider,
  deadline: Deadline,
): KafkaLogSettings {
  const brokers = required(env, 'WEIR_BROKERS', 'Kafka brokers as host:port, separated by commas')
  const auth = oneOf(env, 'WEIR_KAFKA_AUTH', ['none', 'iam', 'scram'])
  const tls = oneOf(env, 'WEIR_KAFKA_TLS', auth === 'none' ? ['off', 'on'] : ['on', 'off'])
  return {
    brokers: brokers.split(','),
    clientId: env.AWS_LAMBDA_FUNCTION_NAME || 'weir',
    requestTimeoutMs: positive(env, 'WEIR_KAFKA_TIMEOUT_MS', 5000),
    compression: oneOf(env, 'WEIR_KAFKA_COMPRESSION', ['zstd', 'gzip', 'none']),
    deadline,
    tls: tls === 'on' ? {} : undefined,
    login: auth === 'none' ? undefined : loginBy(auth, env, credentials),
  }
}

function loginBy(auth: 'iam' | 'scram', env: NodeJS.ProcessEnv, credentials: CredentialProvider): Login {
  if (auth === 'iam') {
    const region = required(env, 'AWS_REGION', "the cluster's region, for IAM")
    const token = async () => (await import('./kafka/msk-token.ts')).mskToken(region, credentials)
    return { mechanism: 'OAUTHBEARER', token }
  }
  const mechanism = oneOf(env, 'WEIR_KAFKA_SCRAM', ['SCRAM-SHA-512', 'SCRAM-SHA-256'])
  const arn = env.WEIR_KAFKA_SECRET_ARN
  if (!arn) {
    const username = required(
      env,
      'WEIR_KAFKA_USERNAME',
      'for WEIR_KAFKA_AUTH=scram, or WEIR_KAFKA_SECRET_ARN',
    )
    const password = required(
      env,
      'WEIR_KAFKA_PASSWORD',
      'for WEIR_KAFKA_AUTH=scram, or WEIR_KAFKA_SECRET_ARN',
    )
    return { mechanism, credentials: async () => ({ username, password }) }
  }
  const region = required(env, 'AWS_REGION', "the secret's region")
  return {
    mechanism,
    credentials: async () => (await import('./secret.ts')).scramSecret(arn, region, credentials),
  }
}
