import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { utcTime } from '../../lib/formats/utc-time.ts'

describe('utcTime', () => {
  it.each([
    ['2017-08-27 00:05:34', '2017-08-27T00:05:34.000Z'],
    ['2024-02-29', '2024-02-29T00:00:00.000Z'],
    ['2024-03-31T12:00:05.25+02:00', '2024-03-31T10:00:05.250Z'],
    ['2024-03-31T12:00-0330', '2024-03-31T15:30:00.000Z'],
    ['5/8/2022', '2022-08-05T00:00:00.000Z'],
    ['16/05/2021', '2021-05-16T00:00:00.000Z'],
  ])('reads %s', (text, iso) => {
    expect(new Date(utcTime(text) ?? Number.NaN).toISOString()).toBe(iso)
  })

  it.each([
    '',
    '2023-02-29',
    '31/6/2021',
    '5/13/2022',
    '2024-01-01T24:00',
    'yesterday',
    '20240101',
    '1/1/24',
  ])('refuses %j', (text) => {
    expect(utcTime(text)).toBeUndefined()
  })

  it('gives back every ISO time', () => {
    const dates = fc.date({ min: new Date('1970-01-01'), max: new Date('9999-01-01'), noInvalidDate: true })
    fc.assert(fc.property(dates, (date) => utcTime(date.toISOString()) === date.getTime()))
  })
})
