import { describe, expect, it } from 'vitest'
import { keysDisplayedAs } from '../../../lib/serve/query/keys.ts'
import { displayKey, keyPart, SEPARATOR } from '../../../lib/views/key.ts'

const key = (...parts: readonly string[]) => parts.map(keyPart).join(SEPARATOR)

describe('the keys that a text may mean', () => {
  it('is one where nothing is ambiguous', () => {
    expect([...keysDisplayedAs('tcp|SF', 2)]).toEqual([key('tcp', 'SF')])
    expect([...keysDisplayedAs('a|b', 1)]).toEqual([key('a|b')])
    expect([...keysDisplayedAs('', 1)]).toEqual([''])
  })

  it('has every way to cut it where a value may hold the sign between', () => {
    expect([...keysDisplayedAs('a|b|c', 2)]).toEqual([key('a', 'b|c'), key('a|b', 'c')])
    expect(keysDisplayedAs('a', 2).size).toBe(0)
  })

  it('finds a key that was cut, by the whole value and as an answer displays it', () => {
    const long = key('é'.repeat(300), 'b')
    expect(keysDisplayedAs(`${'é'.repeat(300)}|b`, 2)).toContain(long)
    expect(keysDisplayedAs(displayKey(long), 2)).toContain(long)
  })

  it('stays bounded', () => {
    expect(keysDisplayedAs('|'.repeat(5_000), 8).size).toBeLessThanOrEqual(257)
  })
})
