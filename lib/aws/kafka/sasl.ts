import { PortError } from '../../ports/errors.ts'
import { saslAuthenticate, saslHandshake } from './cluster-requests.ts'
import type { Connection } from './connection.ts'
import { expectOk } from './errors.ts'
import { scramExchange } from './scram.ts'

/** How to log in. Secrets come by functions, so that each login sees the value of the day. */
export type Login =
  | { readonly mechanism: 'OAUTHBEARER'; token(): Promise<string> }
  | {
      readonly mechanism: 'SCRAM-SHA-512' | 'SCRAM-SHA-256'
      credentials(): Promise<{ readonly username: string; readonly password: string }>
    }

/**
 * Logs in on a fresh connection. Resolves with the session's lifetime in ms (0: no end), after which the broker ends
 * the connection (KIP-368). Rejects with DENIED where the broker refuses.
 */
export async function logIn(connection: Connection, login: Login, timeoutMs: number): Promise<number> {
  const { mechanism } = login
  const offer = await connection.send(saslHandshake, { mechanism }, timeoutMs)
  expectOk(offer.error, `log in by ${mechanism}`, `the cluster offers ${offer.mechanisms.join(', ')}`)
  const ask = async (bytes: Uint8Array) => {
    const answer = await connection.send(saslAuthenticate, { bytes }, timeoutMs)
    expectOk(answer.error, `log in by ${mechanism}`, answer.message)
    return answer
  }
  if (login.mechanism === 'OAUTHBEARER') {
    const answer = await ask(Buffer.from(`n,,\x01auth=Bearer ${await login.token()}\x01\x01`))
    // A broker says what is wrong with a token first, and refuses only when that is acknowledged (RFC 7628, 3.2.2).
    if (answer.bytes.length === 0) return answer.sessionLifetimeMs
    await ask(Buffer.of(1)).catch(() => {})
    refuse(answer.bytes.toString())
  }
  const scram = scramExchange(login.mechanism, await login.credentials())
  const challenge = await ask(scram.first)
  const proof = await ask(scram.answer(challenge.bytes))
  if (!scram.serverProved(proof.bytes)) refuse(`${mechanism}: the broker does not know the password either`)
  return proof.sessionLifetimeMs
}

function refuse(reason: string): never {
  throw new PortError('DENIED', `the log-in failed: ${reason}`, { curable: false })
}
