import type { CredentialProvider } from '../http/credentials.ts'
import { presignUrl } from '../http/sign.ts'

const EXPIRES_S = 900

/**
 * A token by which MSK's IAM access control knows who connects, for SASL's OAUTHBEARER: a signed request that the
 * broker sends to IAM in the client's stead.
 * Source: https://github.com/aws/aws-msk-iam-sasl-signer-js, whose output this equals (test/aws/msk-token.test.ts); own
 * code because it is twelve lines over the signer at hand and that package brings the SDK's credential chain along.
 */
export async function mskToken(
  region: string,
  credentials: CredentialProvider,
  nowMs = Date.now(),
): Promise<string> {
  const request = {
    method: 'GET',
    host: `kafka.${region}.amazonaws.com`,
    path: '/',
    query: { Action: 'kafka-cluster:Connect' },
  }
  const scope = { service: 'kafka-cluster', region }
  const url = presignUrl(request, scope, await credentials(), nowMs, EXPIRES_S)
  return Buffer.from(`${url}&User-Agent=weir`).toString('base64url')
}
