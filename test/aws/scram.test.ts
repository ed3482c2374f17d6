import { describe, expect, it } from 'vitest'
import { scramExchange } from '../../lib/aws/kafka/scram.ts'

/** The exchange of RFC 7677, section 3. */
const USER = { username: 'user', password: 'pencil' }
const NONCE = 'rOprNGfwEbeRWgbNEkqO'
const CHALLENGE = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
const ANSWER =
  'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ='
const FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='

describe('SCRAM', () => {
  it('goes as in RFC 7677', () => {
    const exchange = scramExchange('SCRAM-SHA-256', USER, NONCE)
    expect(exchange.first.toString()).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
    expect(exchange.answer(Buffer.from(CHALLENGE)).toString()).toBe(ANSWER)
    expect(exchange.serverProved(Buffer.from(FINAL))).toBe(true)
  })

  it('does not take a server that does not know the password', () => {
    const exchange = scramExchange('SCRAM-SHA-256', USER, NONCE)
    exchange.answer(Buffer.from(CHALLENGE))
    expect(exchange.serverProved(Buffer.from(FINAL.replace('6r', '6s')))).toBe(false)
    expect(exchange.serverProved(Buffer.from('v=AA=='))).toBe(false)
    expect(exchange.serverProved(Buffer.from('e=other-error'))).toBe(false)
  })

  it.each([
    ["another client's nonce", CHALLENGE.replace('rOpr', 'xOpr')],
    ['no nonce of its own', CHALLENGE.replace('%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0', '')],
    ['too little work', CHALLENGE.replace('4096', '1')],
    ['endless work', CHALLENGE.replace('4096', '2000000000')],
    ['an error', 'e=unknown-user'],
  ])('refuses a challenge with %s', (_, challenge) => {
    const exchange = scramExchange('SCRAM-SHA-256', USER, NONCE)
    expect(() => exchange.answer(Buffer.from(challenge))).toThrow(expect.objectContaining({ code: 'DENIED' }))
  })

  it('escapes what a user name may not hold', () => {
    const { first } = scramExchange('SCRAM-SHA-512', { username: 'a=b,c', password: '' }, 'n')
    expect(first.toString()).toBe('n,,n=a=3Db=2Cc,r=n')
  })
})
