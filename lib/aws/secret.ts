import { PortError } from '../ports/errors.ts'
import { AwsClient, awsEndpoint, refusalOf } from './http/aws-client.ts'
import type { CredentialProvider } from './http/credentials.ts'

/** The user and password that MSK keeps in Secrets Manager for SCRAM. Rejects with MISCONFIGURED, DENIED. */
export async function scramSecret(
  arn: string,
  region: string,
  credentials: CredentialProvider,
): Promise<{ username: string; password: string }> {
  const endpoint = awsEndpoint('secretsmanager', region)
  const client = new AwsClient({ service: 'secretsmanager', region, endpoint, credentials, timeoutMs: 5000 })
  try {
    const request = {
      method: 'POST',
      path: '/',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'secretsmanager.GetSecretValue',
      },
      body: Buffer.from(JSON.stringify({ SecretId: arn })),
    }
    const { answer } = await client.send(request, ({ status, body }) =>
      status === 200 ? undefined : refusalOf(status, exceptionName(body), `read secret ${arn}`),
    )
    return readSecret(answer.body, arn)
  } finally {
    client.close()
  }
}

function exceptionName(body: Buffer): string {
  return /"__type"\s*:\s*"([^"]*)"/.exec(body.toString('utf8'))?.[1]?.replace(/^.*#/, '') ?? ''
}

/** The error names the secret, never what is in it. */
function readSecret(body: Buffer, arn: string): { username: string; password: string } {
  try {
    const { SecretString: text } = JSON.parse(body.toString('utf8')) as { SecretString?: string }
    const { username, password } = JSON.parse(text ?? '{}') as { username?: unknown; password?: unknown }
    if (typeof username === 'string' && typeof password === 'string') return { username, password }
  } catch {
    // Said below, without the parser's message: it quotes what it could not parse.
  }
  throw new PortError('MISCONFIGURED', `secret ${arn} does not hold a username and a password`, {
    curable: false,
  })
}
