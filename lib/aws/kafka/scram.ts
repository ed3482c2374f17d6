import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto'
import { PortError } from '../../ports/errors.ts'

export interface ScramExchange {
  readonly first: Buffer
  /** The client's proof for the server's challenge. Throws DENIED on a challenge that does not follow from `first`. */
  answer(challenge: Buffer): Buffer
  /** True where the server's last message shows that it, too, knows the password. */
  serverProved(final: Buffer): boolean
}

/** A server may not ask for so much work that logging in becomes an attack, nor so little that it is none. */
const ITERATIONS_MIN = 4096
const ITERATIONS_MAX = 1_000_000

/**
 * SCRAM as RFC 5802 and RFC 7677 describe it, without channel binding (Kafka offers none) and, as Kafka itself does it,
 * with the password's plain UTF-8 bytes.
 */
export function scramExchange(
  mechanism: 'SCRAM-SHA-512' | 'SCRAM-SHA-256',
  credentials: { readonly username: string; readonly password: string },
  nonce: string = randomBytes(18).toString('base64'),
): ScramExchange {
  const hash = mechanism === 'SCRAM-SHA-512' ? 'sha512' : 'sha256'
  const name = credentials.username.replaceAll('=', '=3D').replaceAll(',', '=2C')
  const firstBare = `n=${name},r=${nonce}`
  let serverSignature: Buffer | undefined
  return {
    first: Buffer.from(`n,,${firstBare}`),
    answer(challenge) {
      const serverFirst = challenge.toString('utf8')
      const { serverNonce, salt, iterations } = readChallenge(serverFirst, nonce)
      const salted = pbkdf2Sync(credentials.password, salt, iterations, digestBytes(hash), hash)
      const withoutProof = `c=biws,r=${serverNonce}`
      const signed = `${firstBare},${serverFirst},${withoutProof}`
      const clientKey = hmac(hash, salted, 'Client Key')
      const signature = hmac(hash, createHash(hash).update(clientKey).digest(), signed)
      serverSignature = hmac(hash, hmac(hash, salted, 'Server Key'), signed)
      return Buffer.from(`${withoutProof},p=${xor(clientKey, signature).toString('base64')}`)
    },
    serverProved(final) {
      const verifier = /^v=([^,]+)/.exec(final.toString('utf8'))?.[1]
      if (verifier === undefined || serverSignature === undefined) return false
      const given = Buffer.from(verifier, 'base64')
      return given.length === serverSignature.length && timingSafeEqual(given, serverSignature)
    },
  }
}

function readChallenge(text: string, nonce: string) {
  const match = /^r=([^,]+),s=([^,]+),i=(\d+)/.exec(text)
  const serverNonce = match?.[1] ?? ''
  const iterations = Number(match?.[3])
  const fits = serverNonce.startsWith(nonce) && serverNonce.length > nonce.length
  if (!fits || !(iterations >= ITERATIONS_MIN && iterations <= ITERATIONS_MAX))
    throw new PortError('DENIED', 'SCRAM: the broker sent a challenge that does not fit this login', {
      curable: false,
    })
  return { serverNonce, salt: Buffer.from(match?.[2] ?? '', 'base64'), iterations }
}

function hmac(hash: string, key: Buffer, text: string): Buffer {
  return createHmac(hash, key).update(text).digest()
}

function digestBytes(hash: 'sha512' | 'sha256'): number {
  return hash === 'sha512' ? 64 : 32
}

function xor(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)))
}
