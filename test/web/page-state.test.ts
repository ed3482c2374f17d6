import { describe, expect, it } from 'vitest'
import type { Ledger, Part, QueryRow, Status } from '../../lib/serve/dashboard-messages.ts'
import { HISTORY_MS, type History, remember } from '../../web/src/state/history.ts'
import { ledgerState } from '../../web/src/state/ledger.ts'
import { killed, type Outage, observe } from '../../web/src/state/outages.ts'
import { Palette } from '../../web/src/state/palette.ts'
import { OTHERS, slotTable, topSeries } from '../../web/src/state/slots.ts'

const WORKER: Part = {
  id: 'w1',
  kind: 'worker',
  name: 'count 1',
  state: 'up',
  pid: 10,
  restarts: 0,
  killable: true,
}

function ledger(came: number, archived = came, counted = came, scored = came): Ledger {
  return { in: came, scored, archived, counted, deadLettered: 0, dropped: 0, alerts: 0 }
}

function status(nowMs: number, totals: Ledger, part: Partial<Part> = {}): Status {
  return {
    site: 'local',
    startedMs: 0,
    nowMs,
    demo: false,
    streams: [{ name: 'network', ledger: totals, stages: [] }],
    parts: [{ ...WORKER, ...part }],
    clients: 1,
  }
}

describe('ledgerState', () => {
  it.each([
    ['empty', ledger(0)],
    ['agrees', ledger(10)],
    ['behind', ledger(10, 8, 10)],
    ['behind', ledger(10, 10, 9)],
    ['behind', ledger(10, 10, 10, 9)],
  ] as const)('is %s', (expected, totals) => {
    expect(ledgerState(totals, [])).toBe(expected)
  })

  it('is broken where more is archived or counted than came in, and stays so', () => {
    for (const totals of [ledger(10, 11, 10), ledger(10, 10, 11), ledger(10, 10, 10, 11)]) {
      let history: History = {}
      const seen = []
      for (let s = 1; s <= 5; s++) {
        history = remember(history, status(s * 1_000, totals))
        seen.push(ledgerState(totals, history.network ?? []))
      }
      expect(seen).toEqual(['behind', 'behind', 'behind', 'broken', 'broken'])
    }
  })

  it('is stalled where nothing has moved for 20 s, not where it moved or had nothing to do', () => {
    const play = (totals: (second: number) => Ledger): string => {
      let history: History = {}
      for (let s = 0; s <= 30; s++) history = remember(history, status(1_000 + s * 1_000, totals(s)))
      return ledgerState(totals(30), history.network ?? [])
    }
    expect(play(() => ledger(10, 8))).toBe('stalled')
    expect(play((s) => ledger(10 + s, 8 + s))).toBe('behind')
    expect(play((s) => (s < 30 ? ledger(8) : ledger(10, 8, 8)))).toBe('behind')
  })
})

describe('remember', () => {
  it('keeps three minutes, and no status twice', () => {
    let history: History = {}
    for (let s = 0; s < 400; s++) history = remember(history, status(s * 1_000 + 1, ledger(s)))
    const samples = history.network ?? []
    expect(samples.length).toBe(HISTORY_MS / 1_000)
    expect(samples.at(-1)?.in).toBe(399)
    expect(remember(history, status(399_001, ledger(500))).network).toBe(samples)
  })
})

describe('observe', () => {
  const steps = (outages: readonly Outage[]) =>
    outages.map(({ downMs, upMs, backMs, agreedMs }) => ({ downMs, upMs, backMs, agreedMs }))

  it('follows a killed part down, up, and the ledger back to agreement', () => {
    const before = status(1_000, ledger(100))
    let outages = killed([], WORKER, 20, 0)
    outages = observe(outages, before, status(2_000, ledger(150, 150, 100), { state: 'down' }), 20, 1)
    outages = observe(
      outages,
      status(2_000, ledger(150, 150, 100), { state: 'down' }),
      status(3_000, ledger(200, 200, 100), { state: 'starting', restarts: 1 }),
      20,
      2,
    )
    expect(steps(outages)).toEqual([{ downMs: 1, upMs: undefined, backMs: undefined, agreedMs: undefined }])
    const up = status(4_000, ledger(250, 250, 180), { restarts: 1, pid: 77 })
    outages = observe(outages, status(3_000, ledger(200, 200, 100), { restarts: 1 }), up, 20, 3)
    expect(outages[0]).toMatchObject({ upMs: 3, newPid: 77, oldPid: 10, inFlightPeak: 100 })
    expect(outages[0]?.backMs).toBeUndefined()
    outages = observe(outages, up, status(5_000, ledger(260, 260, 241), { restarts: 1, pid: 77 }), 20, 4)
    expect(outages[0]).toMatchObject({ backMs: 4, byYou: true })
    expect(outages[0]?.agreedMs).toBeUndefined()
    outages = observe(outages, up, status(6_000, ledger(270), { restarts: 1, pid: 77 }), 20, 5)
    expect(outages[0]).toMatchObject({ backMs: 4, agreedMs: 5, agreedAt: 270 })
    expect(observe(outages, up, status(7_000, ledger(280, 270), { restarts: 1, pid: 77 }), 20, 6)).toBe(
      outages,
    )
  })

  it('sees a part that ended by itself, also when it was back before the next status', () => {
    const outages = observe([], status(1, ledger(5)), status(2, ledger(6), { restarts: 1, pid: 11 }), 0, 9)
    expect(outages).toMatchObject([{ byYou: false, downMs: 9, upMs: 9, newPid: 11, agreedAt: 6 }])
  })

  it('forgets a kill that had no effect', () => {
    const same = status(1, ledger(5))
    const outages = killed([], WORKER, 0, 0)
    expect(observe(outages, same, same, 0, 1_000)).toHaveLength(1)
    expect(observe(outages, same, same, 0, 16_000)).toHaveLength(0)
  })
})

describe('slotTable', () => {
  const HOUR = 3_600_000
  const row = (key: string, from: number | string, count: number): QueryRow => ({
    key,
    fields: { service: key },
    from,
    to: from,
    count,
  })

  it('has a column for every slot, keys by total, times as ms or ISO', () => {
    const rows = [row('http', 0, 2), row('smtp', new Date(2 * HOUR).toISOString(), 5), row('http', HOUR, 1)]
    const table = slotTable(rows, { aggregate: 'count', additive: true, slotMs: HOUR, columnsMax: 10 })
    expect(table.startsMs).toEqual([0, HOUR, 2 * HOUR])
    expect(table.series.map(({ key, values }) => [key, values])).toEqual([
      ['smtp', [0, 0, 5]],
      ['http', [2, 1, 0]],
    ])
    expect(table.total).toBe(8)
  })

  it('widens columns rather than having too many, and loses nothing in that', () => {
    const rows = Array.from({ length: 1_000 }, (_, i) => row(`k${i % 7}`, i * HOUR, i))
    const table = slotTable(rows, { aggregate: 'count', additive: true, slotMs: HOUR, columnsMax: 50 })
    expect(table.startsMs.length).toBeLessThanOrEqual(51)
    expect(table.total).toBe((999 * 1_000) / 2)
    expect(table.widthMs % HOUR).toBe(0)
  })

  it('leaves out rows that lie outside the range asked for, and values that are no numbers', () => {
    const rows = [
      row('a', 0, 1),
      row('a', HOUR, 2),
      { ...row('a', HOUR, 0), count: 'many' },
      row('a', 2 * HOUR, 4),
    ]
    const table = slotTable(rows, {
      aggregate: 'count',
      additive: true,
      slotMs: HOUR,
      fromMs: HOUR,
      toMs: 2 * HOUR,
      columnsMax: 9,
    })
    expect(table.series[0]?.values).toEqual([2])
    expect(slotTable([], { aggregate: 'count', additive: true, slotMs: HOUR, columnsMax: 9 }).series).toEqual(
      [],
    )
  })

  it('never adds up what cannot be added: gaps stay gaps, the newest value stands for the key', () => {
    const rows = [row('a', 0, 7), row('a', 2 * HOUR, 5), row('b', HOUR, 9)]
    const table = slotTable(rows, { aggregate: 'count', additive: false, slotMs: HOUR, columnsMax: 2 })
    expect(table.series.map(({ key, values, total }) => [key, values, total])).toEqual([
      ['b', [null, 9, null], 9],
      ['a', [7, null, 5], 5],
    ])
  })

  it('puts the keys after the first ones together, unless it is only one', () => {
    const table = slotTable(
      ['a', 'b', 'c', 'd'].map((key, i) => row(key, 0, 10 - i)),
      { aggregate: 'count', additive: true, slotMs: HOUR, columnsMax: 9 },
    )
    expect(topSeries(table.series, 2).map(({ key, total }) => [key, total])).toEqual([
      ['a', 10],
      ['b', 9],
      [OTHERS, 15],
    ])
    expect(topSeries(table.series, 3)).toHaveLength(4)
  })
})

describe('Palette', () => {
  it('lets a key keep its colour while it is drawn, and gives free ones to the next', () => {
    const palette = new Palette()
    palette.assign(['a', 'b', OTHERS])
    const [a, b] = [palette.colourOf('a'), palette.colourOf('b')]
    palette.assign(['c', 'b'])
    expect(palette.colourOf('b')).toBe(b)
    expect(palette.colourOf('c')).toBe(a)
    expect(palette.colourOf(OTHERS)).toBe('--series-others')
  })
})
