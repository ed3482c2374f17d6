import { describe, expect, it } from 'vitest'
import type { Alert, QueryRow, TemplateSummary, TemplatesAnswer } from '../../lib/serve/dashboard-messages.ts'
import { boundsOf } from '../../web/src/state/stream-end.ts'
import { isOff, ratioOf, templateRows } from '../../web/src/state/template-rows.ts'

const template = (templateId: string, usual: Record<string, number>, more = {}): TemplateSummary => ({
  templateId,
  template: `${templateId} <*>`,
  count: 100,
  normal: false,
  rare: false,
  example: `${templateId} 7`,
  usual: Object.entries(usual).map(([source, linesASlot]) => ({ source, linesASlot })),
  ...more,
})
const model = (...templates: TemplateSummary[]): TemplatesAnswer => ({
  version: 'v1',
  lines: 1_000,
  slotMs: 300_000,
  templates,
})
const row = (templateId: string, source: string, count: number): QueryRow => ({
  key: `${templateId}|${source}`,
  fields: { templateId, source },
  from: 0,
  to: 1,
  count,
})
const alertOf = (templateId: string) =>
  ({
    record: { templateId, template: `${templateId} <*> new`, message: `${templateId} 9 new` },
  }) as unknown as Alert

describe('rows of templates', () => {
  it('add up sources and say how many lines would be usual', () => {
    const rows = templateRows(
      [row('a', 'web', 30), row('a', 'db', 50), row('b', 'web', 9)],
      model(template('a', { web: 2, db: 5 }), template('b', { web: 1 })),
      [],
      4,
    )
    expect(rows).toMatchObject([
      { templateId: 'a', count: 80, usual: 28, kind: 'known', example: 'a 7' },
      { templateId: 'b', count: 9, usual: 4, kind: 'known' },
    ])
    expect(rows[0]?.sources).toEqual([
      { source: 'db', count: 50 },
      { source: 'web', count: 30 },
    ])
    expect(rows.map(ratioOf)).toEqual([80 / 28, 9 / 4])
    // Nine lines are too few to be called off.
    expect(rows.map(isOff)).toEqual([true, false])
  })

  it('tell what is new, rare, called normal and not known at all', () => {
    const rows = templateRows(
      ['new', 'rare', 'normal', 'unknown'].map((id) => row(id, 'web', 1)),
      model(template('rare', {}, { rare: true }), template('normal', {}, { normal: true })),
      [alertOf('new')],
      undefined,
    )
    const kinds = Object.fromEntries(rows.map(({ templateId, kind }) => [templateId, kind]))
    expect(kinds).toEqual({ new: 'new', rare: 'rare', normal: 'normal', unknown: 'unknown' })
    const fresh = rows.find(({ kind }) => kind === 'new')
    expect(fresh).toMatchObject({ template: 'new <*> new', example: 'new 9 new', usual: undefined })
  })

  it('have what should be there and is not', () => {
    const rows = templateRows([], model(template('a', { web: 5 }), template('b', { web: 1 })), [], 3)
    expect(rows).toMatchObject([{ templateId: 'a', count: 0, usual: 15 }])
    expect(rows.map(isOff)).toEqual([true])
  })
})

describe('ranges', () => {
  const HOUR_MS = 3_600_000
  const nowMs = Date.parse('2026-03-01T10:20:30Z')

  it('end with the slot that still fills, or with the newest record of the past', () => {
    const live = boundsOf({ kind: 'live' }, HOUR_MS, 300_000, nowMs)
    expect(live.toMs).toBe(Date.parse('2026-03-01T10:25:00Z'))
    expect(live.fromMs).toBe(Date.parse('2026-03-01T09:25:00Z'))
    const endMs = Date.parse('2017-08-27T01:15:00Z')
    const past = boundsOf({ kind: 'past', startMs: 0, endMs }, HOUR_MS, 300_000, nowMs)
    expect(past).toEqual({ fromMs: endMs - HOUR_MS, toMs: endMs })
  })

  it('have a slot at least, and no ends where all is asked for', () => {
    const { fromMs = 0, toMs = 0 } = boundsOf({ kind: 'live' }, HOUR_MS, 24 * HOUR_MS, nowMs)
    expect(toMs - fromMs).toBe(24 * HOUR_MS)
    expect(boundsOf({ kind: 'live' }, undefined, 1, nowMs)).toEqual({})
  })
})
