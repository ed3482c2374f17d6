import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CHARS_MAX, LineMask, textOf, WORDS_MAX } from '../../lib/detect/template-mask.ts'

const mask = new LineMask()

function masked(line: string): string {
  mask.scan(line)
  return textOf(mask.parts())
}

describe('masking a line', () => {
  const cases: readonly (readonly [what: string, line: string, template: string])[] = [
    ['numbers, signed and not', 'child init 1 -2 of +3', 'child init <*> of <*>'],
    ['an address with a port', 'from 10.0.0.7:50010 now', 'from <*> now'],
    ['a host before a port', 'to db.example.net:5432 again', 'to <*> again'],
    ['a host before its address', 'for a.example.net [192.0.2.1] failed', 'for <*> failed'],
    ['a MAC address', 'chip FF:F2:9F:16:E2:23:DC up', 'chip <*> up'],
    ['a path', 'reading /var/log/x-y.z, done', 'reading <*>, done'],
    ['a relative path', 'load ../lib/x failed', 'load <*> failed'],
    ['a path with a query', '"GET /v2/a?b=c&d=1 HTTP/1.1" status', '"GET <*>" status'],
    ['a blank slash', 'read / write', 'read / write'],
    ['key=value', 'tty=ssh ruser= rhost=host.name', 'tty=<*> ruser= rhost=<*>'],
    ['key = value', 'packageName = some.app here', 'packageName = <*> here'],
    ['values that are words', 'is true or null', 'is <*> or <*>'],
    ['a mail address', 'mail from ann@example.net', 'mail from <*>'],
    ['a date', 'at Fri Jun 17 07:07:00 2005 UTC', 'at <*>'],
    ['no date', 'May I see the Sun', 'May I see the Sun'],
    ['amounts', '1,165 bytes (1.13 KB) sent, 0 bytes got', '<*> sent, <*> got'],
    ['a rounded amount', 'lifetime <1 sec', 'lifetime <*>'],
    ['a part that is left out', 'from 192.0.2.1 () at 7', 'from <*> at <*>'],
    ['lists', 'ids [1, 2, 3] done', 'ids [<*>] done'],
    ['words with digits', 'blk_-38 and part-0001.', 'blk_-38 and part-0001.'.replace(/\S*\d+/g, '<*>')],
    ['dots between', 'core register......0', 'core register......<*>'],
    ['white space', '  two   blanks\tand a tab ', 'two blanks and a tab'],
    ['no words at all', ' *** --- ', '*** ---'],
    ['nothing', '', ''],
    ['letters beyond ASCII', 'größe straße 7', 'größe straße <*>'],
  ]
  it.each(cases)('%s', (_, line, template) => {
    expect(masked(line)).toBe(template)
  })

  it('makes one variable of all that is beyond the words it looks at', () => {
    const line = 'word '.repeat(WORDS_MAX * 3)
    mask.scan(line)
    expect(mask.count).toBe(WORDS_MAX + 1)
    expect(mask.variable[WORDS_MAX]).toBe(1)
  })

  it.each([
    ['one word', 'x'.repeat(900_000)],
    ['one gap', ':'.repeat(900_000)],
    ['blanks', `a${' '.repeat(900_000)}b`],
    ['a path', `/${'p'.repeat(900_000)}`],
  ])('holds the template of a line of 900,000 characters to a bound: %s', (_, line) => {
    expect(masked(line).length).toBeLessThanOrEqual(CHARS_MAX + 3)
    expect(masked(line)).toMatch(/<\*>$/)
  })

  it('never loses a word: its pieces, in order, are the line', () => {
    const piece = fc.oneof(
      fc.constantFrom(' ', '  ', '=', ': ', ', ', '..', ' () ', ' <', '"', '[', ']', '/', '-', '\t'),
      fc.constantFrom('user', 'Jan', 'KB', 'true', 'a.b', 'FF', '10', '10.0.0.1', '/p/q', 'x@y', '~/z', 'ä'),
      fc.string({ maxLength: 4 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        const line = pieces.join('')
        mask.scan(line)
        let at = 0
        for (let i = 0; i <= mask.count; i++) {
          const start = mask.gapStart[i] as number
          const end = mask.gapEnd[i] as number
          // A gap may be shorter than what stands there: a mark that says a value is rounded, or empty brackets.
          expect(start).toBeGreaterThanOrEqual(at)
          expect(start - at === 0 || line.slice(at, start) === ' ()').toBe(true)
          expect(end).toBeGreaterThanOrEqual(start)
          if (i === mask.count) break
          const from = mask.wordStart[i] as number
          expect(from === end || /^[<~]$/.test(line.slice(end, from))).toBe(true)
          at = mask.wordEnd[i] as number
          expect(at).toBeGreaterThan(from)
        }
        expect(mask.gapEnd[mask.count]).toBe(line.length)
      }),
      { numRuns: 3000 },
    )
  })
})
