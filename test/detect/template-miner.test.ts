import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { grouping, hasLoghub, readLoghub, SYSTEMS } from '../../bench/detect/loghub.ts'
import { textOf } from '../../lib/detect/template-mask.ts'
import { provisionalTemplate, TemplateMatcher } from '../../lib/detect/template-matcher.ts'
import { TemplateMiner } from '../../lib/detect/template-miner.ts'
import { seededRandom } from '../../lib/stream/random.ts'

function mine(lines: readonly string[], options = {}): TemplateMiner {
  const miner = new TemplateMiner(options)
  for (const line of lines) miner.add(line)
  return miner
}

function templatesOf(lines: readonly string[]): readonly string[] {
  return mine(lines)
    .templates()
    .map(({ parts }) => textOf(parts))
}

function matcherOf(miner: TemplateMiner): TemplateMatcher {
  return new TemplateMatcher(miner.templates().map(({ parts }) => parts))
}

/** A made-up word for each number. */
const word = (n: number) => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('')

describe('mining templates', () => {
  it('takes words after "user" for names, and a few fixed words elsewhere for events of their own', () => {
    const lines = [
      'session opened for user ann by root',
      'session opened for user bob by root',
      ...['Started', 'Stopped', 'Paused'].flatMap((what) => [
        `VM ${what} by the host`,
        `VM ${what} by the host`,
      ]),
    ]
    expect(templatesOf(lines)).toEqual([
      'session opened for user <*> by root',
      'VM Started by the host',
      'VM Stopped by the host',
      'VM Paused by the host',
    ])
  })

  it('takes a place for a variable where new words keep coming', () => {
    const lines = Array.from({ length: 40 }, (_, i) => `unit ${word(i)} was loaded`)
    expect(templatesOf(lines)).toEqual(['unit <*> was loaded'])
  })

  it('finds two variables that never come with the same neighbour', () => {
    const lines = Array.from(
      { length: 60 },
      (_, i) => `moved file ${word(i)} into folder ${word(100 + i)} today`,
    )
    expect(templatesOf(lines)).toEqual(['moved file <*> into folder <*> today'])
  })

  it('does not take a word for a number', () => {
    const matcher = matcherOf(mine(['error 12 on disk', 'error 13 on disk']))
    expect(matcher.match('error 99 on disk').known).toBe(true)
    expect(matcher.match('error fatal on disk')).toEqual({
      ...provisionalTemplate('error fatal on disk'),
      known: false,
    })
  })

  it('shows the values of the variables', () => {
    const matcher = matcherOf(mine(['user ann came from 10.0.0.1', 'user bob came from 10.0.0.2']))
    expect(matcher.match('user eve came from 10.9.9.9').template).toBe('user <*> came from <*>')
    expect(matcher.variables('user eve came from 10.9.9.9')).toEqual(['eve', '10.9.9.9'])
    expect(matcher.variables('never seen 7')).toEqual(['7'])
  })

  it('gives a line the id its masked text has, as long as no variable was found by statistics', () => {
    const line = 'link 7 is down'
    expect(matcherOf(mine([line])).match(line).id).toBe(provisionalTemplate(line).id)
  })

  it('knows every line it was mined from, and counts each once', () => {
    const piece = fc.constantFrom(
      'user',
      'for',
      'ann',
      'bob',
      'eve',
      '7',
      '10.0.0.1',
      'is',
      'up',
      '=',
      ':',
      '(x)',
    )
    fc.assert(
      fc.property(fc.array(fc.array(piece, { maxLength: 8 }), { maxLength: 60 }), (pieces) => {
        const lines = pieces.map((line) => line.join(' '))
        const miner = mine(lines)
        const templates = miner.templates()
        const matcher = matcherOf(miner)
        expect(templates.reduce((sum, { count }) => sum + count, 0)).toBe(lines.length)
        const texts = new Set(templates.map(({ parts }) => textOf(parts)))
        for (const line of lines) expect(texts.has(matcher.match(line).template)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  it('makes the same templates again', () => {
    const random = seededRandom(4)
    const lines = Array.from(
      { length: 500 },
      () => `user ${word(Math.floor(random() * 90))} did ${word(Math.floor(random() * 7))} on x`,
    )
    expect(mine(lines).templates()).toEqual(mine(lines).templates())
  })

  it('holds no more forms than it may, however many there are, and keeps the common ones', () => {
    const formsMax = 100
    const lines = Array.from({ length: 20_000 }, (_, i) =>
      i % 2 === 0
        ? `request ${i} took long`
        : Array.from({ length: 9 }, (_, j) => word(i * 31 + j * 7919)).join(' '),
    )
    const miner = mine(lines, { formsMax })
    const templates = miner.templates()
    expect(templates.length).toBeLessThanOrEqual(formsMax)
    expect(templates[0]).toMatchObject({ count: 10_000 })
    expect(miner.forgotten + templates.reduce((sum, { count }) => sum + count, 0)).toBe(lines.length)
  })
})

describe.skipIf(!hasLoghub())(
  'mining ten systems with one configuration (skipped without ../shared/data/logs)',
  () => {
    const data = SYSTEMS.map((system) => readLoghub(system))

    it('groups their lines as people do', () => {
      const results = data.map(({ contents, labels }) => {
        const matcher = matcherOf(mine(contents))
        return grouping(
          contents.map((line) => matcher.match(line).id),
          labels,
        )
      })
      const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length
      expect(mean(results.map(({ accuracy }) => accuracy))).toBeGreaterThan(0.97)
      expect(mean(results.map(({ f1 }) => f1))).toBeGreaterThan(0.94)
      for (const { accuracy } of results) expect(accuracy).toBeGreaterThan(0.8)
    })

    it('does so too where all are mined as one', () => {
      const matcher = matcherOf(mine(data.flatMap(({ contents }) => contents)))
      const accuracies = data.map(
        ({ contents, labels }) =>
          grouping(
            contents.map((line) => matcher.match(line).id),
            labels,
          ).accuracy,
      )
      expect(accuracies.reduce((sum, x) => sum + x, 0) / accuracies.length).toBeGreaterThan(0.97)
    })
  },
)
