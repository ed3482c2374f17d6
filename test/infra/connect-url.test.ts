import { createHash, createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { connectUrl } from '../../lib/aws/connect-url.ts'

const ADDRESS = 'wss://a1b2c3d4e5.execute-api.eu-west-1.amazonaws.com/v1'
const CREDENTIALS = {
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY',
}
/** 2026-11-02T08:00:00Z */
const NOW_MS = 1_793_606_400_000

test('the address carries who connects, where, from when, for five minutes, and for this API only', () => {
  const url = new URL(connectUrl(ADDRESS, CREDENTIALS, NOW_MS))
  expect(`${url.protocol}//${url.host}${url.pathname}`).toBe(ADDRESS)
  expect(Object.fromEntries(url.searchParams)).toEqual({
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': 'AKIDEXAMPLE/20261102/eu-west-1/execute-api/aws4_request',
    'X-Amz-Date': '20261102T080000Z',
    'X-Amz-Expires': '300',
    'X-Amz-SignedHeaders': 'host',
    'X-Amz-Signature': expect.stringMatching(/^[0-9a-f]{64}$/),
  })
})

test('the signature is what the specification makes of the request', () => {
  const url = new URL(connectUrl(ADDRESS, CREDENTIALS, NOW_MS))
  const [query = '', signature] = url.search.slice(1).split('&X-Amz-Signature=')
  const hash = (text: string) => createHash('sha256').update(text).digest('hex')
  const canonical = ['GET', '/v1', query, `host:${url.host}`, '', 'host', hash('')].join('\n')
  const scope = '20261102/eu-west-1/execute-api/aws4_request'
  const text = ['AWS4-HMAC-SHA256', '20261102T080000Z', scope, hash(canonical)].join('\n')
  const hmac = (key: string | Buffer, data: string) => createHmac('sha256', key).update(data).digest()
  const key = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${CREDENTIALS.secretAccessKey}`)
  expect(signature).toBe(hmac(key, text).toString('hex'))
})

test('the token of temporary credentials goes along', () => {
  const url = connectUrl(ADDRESS, { ...CREDENTIALS, sessionToken: 'a/b+c=' }, NOW_MS)
  expect(new URL(url).searchParams.get('X-Amz-Security-Token')).toBe('a/b+c=')
})

test.each([
  'https://a1.execute-api.eu-west-1.amazonaws.com/v1',
  'wss://example.com/v1',
  'ws://localhost:4400/ws',
])('%s is refused: nothing is signed for strangers', (address) => {
  expect(() => connectUrl(address, CREDENTIALS, NOW_MS)).toThrow(/is not the address of a deployment/)
})
