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
    const token = await login.token()
    return (await ask(Buffer.from(`n,,\x01auth=Bearer ${token}\x01\x01`))).sessionLifetimeMs
  }
  const scram = scramExchange(login.mechanism, await login.credentials())
  const challenge = await ask(scram.first)
  const proof = await ask(scram.answer(challenge.bytes))
  if (!scram.serverProved(proof.bytes))
    throw new PortError('DENIED', `${mechanism}: the broker does not know the password either`, {
      curable: false,
    })
  return proof.sessionLifetimeMs
}
