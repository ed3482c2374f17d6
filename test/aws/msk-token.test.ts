import { describe, expect, it } from 'vitest'
import { mskToken } from '../../lib/aws/kafka/msk-token.ts'

const NOW_MS = Date.UTC(2026, 10, 20, 12, 34, 56)
const KEYS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }

/** Signatures by aws-msk-iam-sasl-signer-js 1.0.3 for the same credentials, region and instant. */
const CASES = [
  {
    name: 'long-lived keys',
    credentials: KEYS,
    signature: '69d1aae81d8645d1f447c11318fd1b485fbec86faf12d70469a280db84dd6790',
  },
  {
    name: 'a session',
    credentials: { ...KEYS, sessionToken: 'Fwo/GZ+IvYXdz==' },
    signature: 'ebc13b7c9612836a90de03a076eb43d0e4fd19359d3fad0c576dc3e920bdd92b',
  },
]

describe('MSK token', () => {
  it.each(CASES)("signs as AWS's own package does: $name", async ({ credentials, signature }) => {
    const token = await mskToken('eu-west-1', async () => credentials, NOW_MS)
    expect(token).toMatch(/^[A-Za-z0-9_-]+$/)
    const url = new URL(Buffer.from(token, 'base64url').toString())
    expect(`${url.origin}${url.pathname}`).toBe('https://kafka.eu-west-1.amazonaws.com/')
    expect(url.searchParams.get('Action')).toBe('kafka-cluster:Connect')
    expect(url.searchParams.get('X-Amz-Expires')).toBe('900')
    expect(url.searchParams.get('X-Amz-Signature')).toBe(signature)
    expect(url.searchParams.get('User-Agent')).toBe('weir')
  })
})
