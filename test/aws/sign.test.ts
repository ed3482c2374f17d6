import { describe, expect, it } from 'vitest'
import { canonicalQuery, signHeaders, uriEncode } from '../../lib/aws/http/sign.ts'
import vectors from './fixtures/sigv4.json' with { type: 'json' }

/** The instant at which fixtures/sigv4.json was made, by the SDK's @smithy/signature-v4 5.7.5. */
const NOW_MS = Date.UTC(2026, 10, 20, 12, 34, 56)

describe('signatures', () => {
  it.each(vectors)("are the SDK's: $name", (vector) => {
    const query = vector.query as unknown as Record<string, string>
    const headers = vector.headers as unknown as Record<string, string>
    const signed = signHeaders(
      { ...vector, query, headers, body: Buffer.from(vector.body) },
      { service: vector.service, region: 'eu-west-1' },
      vector.credentials,
      NOW_MS,
    )
    expect(signed.authorization).toBe(vector.authorization)
  })

  it('follow the credentials, also when the key for the day is kept', () => {
    const sign = (secretAccessKey: string): string | undefined =>
      signHeaders(
        { method: 'GET', host: 'h', path: '/', query: {}, headers: {}, body: Buffer.alloc(0) },
        { service: 's3', region: 'r' },
        { accessKeyId: 'k', secretAccessKey },
        NOW_MS,
      ).authorization
    expect(sign('a')).toBe(sign('a'))
    expect(sign('a')).not.toBe(sign('b'))
  })
})

describe('encoding for AWS', () => {
  it('leaves letters, digits and -_.~ as they are', () => {
    expect(uriEncode("aZ09-_.~ /!'()*=ü")).toBe('aZ09-_.~%20%2F%21%27%28%29%2A%3D%C3%BC')
  })

  it('sorts a query by its encoded names', () => {
    expect(canonicalQuery({ b: '2', 'a b': '', a: '1' })).toBe('a%20b=&a=1&b=2')
  })
})
