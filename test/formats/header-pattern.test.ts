import { describe, expect, it } from 'vitest'
import { HeaderPatterns } from '../../lib/formats/header-pattern.ts'
import { SYSTEM_HEADERS } from '../../lib/formats/header-pattern-systems.ts'
import { timeLayout } from '../../lib/formats/header-pattern-time.ts'

describe('header patterns', () => {
  const own = new HeaderPatterns([
    ...SYSTEM_HEADERS,
    {
      name: 'own',
      pattern:
        /^(?<timestamp>\d{2}\.\d{2}\.\d{4} \d{2}:\d{2}) \((?<zone>\w+)\) (?<level>\w+): (?<message>.*)$/s,
      time: 'dd.MM.yyyy HH:mm',
    },
  ])

  it('make fields of their groups, and keep other groups as extra', () => {
    expect(own.read('21.11.2026 05:40 (night) WARN: hot')).toEqual({
      header: 'own',
      timestamp: '21.11.2026 05:40',
      level: 'WARN',
      message: 'hot',
      extra: { zone: 'night' },
    })
    expect(own.timeOf('own', '21.11.2026 05:40', 0)).toBe(Date.UTC(2026, 10, 21, 5, 40))
    expect(own.read('nothing like it')).toBeUndefined()
    expect(own.timeOf('unheard of', '21.11.2026 05:40', 0)).toBeUndefined()
  })

  it('refuse two of one name', () => {
    expect(() => new HeaderPatterns([...SYSTEM_HEADERS, ...SYSTEM_HEADERS])).toThrow(/one name/)
  })

  it('end with the message and begin at the start', () => {
    for (const { pattern } of SYSTEM_HEADERS) expect(pattern.source).toMatch(/^\^.*\(\?<message>\.\*\)\$$/)
  })
})

describe('time layouts', () => {
  it.each([
    ['yyyy-MM-dd HH:mm:ss,SSS', '2015-10-18 18:01:47,978', '2015-10-18T18:01:47.978Z'],
    ['yyMMdd HHmmss', '081109 203615', '2008-11-09T20:36:15.000Z'],
    ['yyyyMMdd-HH:mm:ss:nnn', '20171223-22:5:9:60', '2017-12-23T22:05:09.060Z'],
    ['EEE MMM dd HH:mm:ss yyyy', 'Sun Dec  4 04:47:44 2005', '2005-12-04T04:47:44.000Z'],
    ['yyyy-MM-ddTHH:mm:ss.SSSZ', '2026-01-01T00:30:00.123456789+01:30', '2025-12-31T23:00:00.123Z'],
    ['epoch', '1117838570', '2005-06-03T22:42:50.000Z'],
    ['epoch', '1117838570.5', '2005-06-03T22:42:50.500Z'],
    ['MM.dd HH:mm:ss', '10.30 16:49:06', '2025-10-30T16:49:06.000Z'],
  ])('%s reads %s', (layout, text, time) => {
    const timeMs = timeLayout(layout).parse(text, Date.UTC(2026, 5, 1))
    expect(timeMs === undefined ? undefined : new Date(timeMs).toISOString()).toBe(time)
  })

  it.each([
    ['yyyy-MM-dd', '2015-02-29'],
    ['yyyy-MM-dd', '2015-13-01'],
    ['yyyy-MM-dd', '2015-12-00'],
    ['yyyy-MM-dd HH:mm:ss', '2015-12-01 24:00:00'],
    ['yyyy-MM-dd', '2015-12-01 '],
    ['MMM dd', 'Foo 12'],
    ['epoch', 'soon'],
  ])('%s refuses %s', (layout, text) => {
    expect(timeLayout(layout).parse(text, 0)).toBeUndefined()
  })
})
