import { readFileSync } from 'node:fs'
import { DuckDBInstance } from '@duckdb/node-api'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Ports } from '../../lib/ports/ports.ts'
import { queryView } from '../../lib/serve/query.ts'
import type { Entry } from '../../lib/stream/entry.ts'
import { compileView, type View } from '../../lib/views/view.ts'
import { testStream } from '../master/test-stream.ts'
import { type Case, LawWorld, type Sent, type Without } from './world.ts'

/**
 * batch(all) = merge(batch(before H), speed(from H)): whatever is cut, repeated, lost, late, killed or recomputed, the
 * merged answer is what the records make, one by one. WEIR_RUNS sets how many cases are tried, WEIR_SEED the first.
 */
const RUNS = Number(process.env.WEIR_RUNS ?? 2_000)
const SEED = Number(process.env.WEIR_SEED ?? Date.now() % 2 ** 31)

/** Cases that were wrong once, as the shrinker left them: tried before any other. */
const corpus = JSON.parse(readFileSync(new URL('./corpus.json', import.meta.url), 'utf8')) as readonly Case[]

const sent: fc.Arbitrary<Sent> = fc.record({
  partition: fc.nat(1),
  text: fc.constantFrom('a', 'b', 'ü'),
  list: fc.uniqueArray(fc.constantFrom('x', 'y', 'z'), { maxLength: 2 }),
  integer: fc.integer({ min: -5, max: 1_000 }),
  ageMs: fc.constantFrom(0, 0, 0, 50_000, 400_000, 90_000_000),
  gapMs: fc.constantFrom(0, 1, 1_000, 20_000, 70_000),
  outcome: fc.constantFrom('ok', 'ok', 'ok', 'ok', 'drop', 'dead'),
  repeats: fc.constantFrom(0, 0, 0, 1, 3),
})
const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(),
  records: fc.array(sent, { minLength: 1, maxLength: 30, size: 'max' }),
})

const views = Object.entries(testStream.views).map(([name, view]) => compileView('test', name, view))

/** What the records make, one by one, by the view's own functions. */
function made(view: View, entries: readonly Entry[]): Map<string, unknown> {
  const states = new Map<string, typeof view.empty>()
  for (const entry of entries)
    for (const key of view.keysOf(entry)) {
      const id = `${key} ${new Date(view.slotOf(entry.eventTime)).toISOString()}`
      states.set(id, view.add(states.get(id) ?? view.empty, entry))
    }
  return new Map([...states].map(([id, one]) => [id, view.answer(one)]))
}

async function answered(ports: Ports, view: View): Promise<Map<string, unknown>> {
  const { rows } = await queryView(ports, view, { bySlot: true }, ports.clock.nowMs())
  return new Map(
    rows.map(({ key, from, to: _to, fields: _fields, ...aggregates }) => [`${key} ${from}`, aggregates]),
  )
}

async function play(one: Case, without?: Without): Promise<LawWorld> {
  const law = new LawWorld(testStream, one, without)
  await law.run()
  return law
}

async function holds(one: Case, without?: Without): Promise<boolean> {
  const { world, truth } = await play(one, without)
  for (const view of views) {
    const [found, due] = [await answered(world.ports, view), made(view, truth)]
    if (JSON.stringify([...found].sort()) !== JSON.stringify([...due].sort())) return false
  }
  return true
}

beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => undefined))
afterEach(() => void vi.restoreAllMocks())

describe('batch(all) = merge(batch(before H), speed(from H))', () => {
  it.each(corpus.map((one, i) => [i, one] as const))('case %i of the corpus', async (_, one) => {
    expect(await holds(one)).toBe(true)
  })

  it(`${RUNS} random cases from seed ${SEED}`, { timeout: 600_000 }, async () => {
    // A case that is wrong belongs in corpus.json, as it is printed.
    await fc.assert(
      fc.asyncProperty(cases, async (one) => {
        expect(await holds(one)).toBe(true)
      }),
      { numRuns: RUNS, seed: SEED, interruptAfterTimeLimit: 540_000, markInterruptAsFailure: true },
    )
  })
})

describe('the law is broken', () => {
  const wrong = async (without: Without, numRuns = 60) => {
    let count = 0
    for (const one of fc.sample(cases, { numRuns, seed: 7 })) if (!(await holds(one, without))) count++
    return count
  }

  it('nowhere of these cases with every rule in place', async () => {
    expect(await wrong({})).toBe(0)
  })

  it('where the moment of counting decides about the epoch, not the record (rule 6)', async () => {
    const counted = (entry: Entry, nowMs: number) => ({ ...entry, appendTime: nowMs + 3_600_000 })
    expect(await wrong({ counted })).toBeGreaterThan(10)
  })
})

describe('an independent oracle', () => {
  it('answers the same from the records in SQL', { timeout: 120_000 }, async () => {
    const instance = await DuckDBInstance.create(':memory:')
    const db = await instance.connect()
    await db.run('create table r (text varchar, list varchar[], integer bigint, "at" bigint)')
    for (const one of fc.sample(cases, { numRuns: 40, seed: SEED })) {
      const { world, truth } = await play(one)
      await db.run('delete from r')
      for (const entry of truth) {
        if (entry.outcome !== 'ok') continue
        const { text, list, integer } = entry.value as { text: string; list: string[]; integer: number }
        const items = list.map((item) => `'${item}'`).join(', ')
        await db.run(`insert into r values ('${text}', [${items}], ${integer}, ${entry.eventTime})`)
      }
      const sql =
        'select text as key, count(*)::int as count, sum(integer)::int as sum from r group by all order by key'
      const due = (await db.runAndReadAll(sql)).getRowObjectsJson()
      const byText = compileView('test', 'byText', testStream.views.byText as never)
      const { rows } = await queryView(world.ports, byText, {}, world.clock.ms)
      expect(rows.map(({ key, count, sum }) => ({ key, count, sum }))).toEqual(due)
      const listSql =
        'select key, count(*)::int as count from (select unnest(list) as key from r) group by all order by key'
      const byList = compileView('test', 'byList', testStream.views.byList as never)
      const lists = (await queryView(world.ports, byList, {}, world.clock.ms)).rows
      expect(lists.map(({ key, count }) => ({ key, count }))).toEqual(
        (await db.runAndReadAll(listSql)).getRowObjectsJson(),
      )
    }
    db.closeSync()
  })
})
