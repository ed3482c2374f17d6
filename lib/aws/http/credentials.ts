import { readFile } from 'node:fs/promises'
import { PortError } from '../../ports/errors.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string | undefined
  /** Unix ms; left out where they do not expire. */
  readonly expiresAtMs?: number | undefined
}

export type CredentialProvider = () => Promise<Credentials>

/** New ones are asked for so long before the old expire. */
const RENEW_EARLY_MS = 5 * 60_000

/**
 * Where AWS keeps credentials, in the SDKs' order: environment variables (Lambda), the container's endpoint (ECS, EKS
 * pods), and for a person's machine whatever the AWS command line finds, which knows profiles, SSO, roles and EC2.
 * Rejects with DENIED where there are none. Kept until shortly before they expire.
 */
export function standardCredentials(env: NodeJS.ProcessEnv): CredentialProvider {
  return kept(async () => {
    const found = fromEnvironment(env) ?? (await fromContainer(env)) ?? (await fromCommandLine(env))
    if (found !== undefined) return found
    const message =
      'no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or log in by the AWS CLI'
    throw new PortError('DENIED', message, { curable: false })
  })
}

/** One request for credentials at a time, and none while the last ones are good. */
export function kept(provider: CredentialProvider): CredentialProvider {
  let last: Promise<Credentials> | undefined
  let renewAtMs = -Infinity
  return () => {
    if (last !== undefined && Date.now() < renewAtMs) return last
    renewAtMs = Infinity
    const asking = provider()
    last = asking
    asking.then(
      ({ expiresAtMs }) => {
        renewAtMs = expiresAtMs === undefined ? Infinity : expiresAtMs - RENEW_EARLY_MS
      },
      () => {
        renewAtMs = -Infinity
      },
    )
    return asking
  }
}

function fromEnvironment(env: NodeJS.ProcessEnv): Credentials | undefined {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = env
  if (!accessKeyId || !secretAccessKey) return undefined
  return { accessKeyId, secretAccessKey, sessionToken: env.AWS_SESSION_TOKEN || undefined }
}

/** Source: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html */
async function fromContainer(env: NodeJS.ProcessEnv): Promise<Credentials | undefined> {
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
  const url = relative ? `http://169.254.170.2${relative}` : env.AWS_CONTAINER_CREDENTIALS_FULL_URI
  if (!url) return undefined
  const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
  const token = file ? (await readFile(file, 'utf8')).trim() : env.AWS_CONTAINER_AUTHORIZATION_TOKEN
  const answer = await fetch(url, {
    headers: token ? { authorization: token } : {},
    signal: AbortSignal.timeout(2000),
  }).catch((cause) => {
    throw new PortError('UNAVAILABLE', `the container's credentials endpoint does not answer`, {
      curable: true,
      cause,
    })
  })
  if (!answer.ok)
    throw new PortError('UNAVAILABLE', `the container's credentials endpoint answered ${answer.status}`, {
      curable: true,
    })
  return fromJson(await answer.json())
}

/** Source: https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html */
async function fromCommandLine(env: NodeJS.ProcessEnv): Promise<Credentials | undefined> {
  const [{ execFile }, { promisify }] = await Promise.all([import('node:child_process'), import('node:util')])
  const printed = await promisify(execFile)(
    'aws',
    ['configure', 'export-credentials', '--format', 'process'],
    {
      env,
      timeout: 20_000,
    },
  ).catch(() => undefined)
  return printed && fromJson(JSON.parse(printed.stdout))
}

/** Both sources answer in this shape. */
function fromJson(json: unknown): Credentials {
  const found = json as Partial<Record<string, string>>
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Expiration } = found
  if (!accessKeyId || !secretAccessKey)
    throw new PortError('DENIED', 'AWS credentials came without their keys', { curable: false })
  return {
    accessKeyId,
    secretAccessKey,
    sessionToken: found.Token ?? found.SessionToken,
    expiresAtMs: Expiration === undefined ? undefined : Date.parse(Expiration),
  }
}
