/** Servers that take the place of embedded parts; what is left out stays embedded. Any mix will do. */
export interface Servers {
  /** Kafka: host:port, separated by commas. Takes the place of the file log. */
  readonly brokers?: string
  /** DynamoDB, or a server that speaks its protocol: URL or host:port. Takes the place of SQLite. */
  readonly dynamodb?: string
  /** S3, or a server that speaks its protocol: URL or host:port. Takes the place of the folder. */
  readonly s3?: string
}

/** The variables of lib/aws/ports.ts that say which servers are used. */
export type ServerEnv = Readonly<Record<string, string>>

const NAME = 'weir'

/**
 * The servers as variables, options before environment: WEIR_BROKERS, WEIR_DYNAMODB_ENDPOINT, WEIR_S3_ENDPOINT, with
 * WEIR_TABLE and WEIR_BUCKET ("weir" where they are unset). Empty where everything is embedded. Servers on this machine
 * ask for no real credentials, so some are made up where there are none.
 */
export function serverEnv(servers: Servers, env: NodeJS.ProcessEnv): ServerEnv {
  const brokers = servers.brokers || env.WEIR_BROKERS
  const dynamodb = servers.dynamodb || env.WEIR_DYNAMODB_ENDPOINT
  const s3 = servers.s3 || env.WEIR_S3_ENDPOINT
  return {
    ...(brokers ? { WEIR_BROKERS: brokers } : {}),
    ...(dynamodb ? { WEIR_DYNAMODB_ENDPOINT: urlOf(dynamodb), WEIR_TABLE: env.WEIR_TABLE || NAME } : {}),
    ...(s3 ? { WEIR_S3_ENDPOINT: urlOf(s3), WEIR_BUCKET: env.WEIR_BUCKET || NAME } : {}),
    ...([dynamodb, s3].some((server) => server && isHere(urlOf(server))) && !env.AWS_ACCESS_KEY_ID
      ? { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }
      : {}),
  }
}

function urlOf(server: string): string {
  return /^https?:\/\//.test(server) ? server : `http://${server}`
}

function isHere(url: string): boolean {
  return /^(localhost|127\.|\[::1\])/.test(URL.parse(url)?.hostname ?? '')
}
