import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Condition, Item, KeyedStore, QueryRange } from '../../lib/ports/keyed-store.ts'

export interface OpenKeyedStore {
  readonly store: KeyedStore
  /** A second, independent client of the same storage: for races. Closed by the suite. */
  readonly another: () => Promise<KeyedStore>
  readonly close: () => Promise<void>
}

/** Registers the contract of `KeyedStore` for one implementation. Partition keys are unique, so a shared server will do. */
export function keyedStoreContract(name: string, open: () => Promise<OpenKeyedStore>): void {
  describe(`KeyedStore contract: ${name}`, () => {
    let opened: OpenKeyedStore
    let store: KeyedStore
    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(() => opened?.close())

    const newPk = (): string => `contract/${randomUUID()}`
    const stands = async (pk: string, sk: string) => text(await store.get(pk, sk))

    describe('get and put', () => {
      it('gives an item back as it was put, its data of any bytes', async () => {
        const pk = newPk()
        const items: Item[] = [
          { pk, sk: 'a', rev: '1', data: Buffer.from([0, 255, 254, 10]) },
          { pk, sk: 'ü/☃ 🚀', rev: '', data: Buffer.alloc(0) },
          { pk, sk: 'b', rev: 'x'.repeat(100), data: Buffer.from('later'), expiresAtS: inSeconds(3600) },
        ]
        for (const item of items) expect(await store.put(item, 'any')).toEqual({ ok: true })
        for (const item of items) expect(plain(await store.get(pk, item.sk))).toEqual(plain(item))
      })

      it('has nothing where nothing was put', async () => {
        const pk = newPk()
        await store.put(item(pk, 'a', '1'), 'any')
        expect(await store.get(pk, 'b')).toBeUndefined()
        expect(await store.get(newPk(), 'a')).toBeUndefined()
      })

      it('replaces the whole item', async () => {
        const pk = newPk()
        await store.put({ ...item(pk, 'a', '1'), expiresAtS: inSeconds(3600) }, 'any')
        const next = item(pk, 'a', '2', 'two')
        await store.put(next, 'any')
        expect(plain(await store.get(pk, 'a'))).toEqual(plain(next))
      })

      it('shows a write to every client at once', async () => {
        const pk = newPk()
        const other = await opened.another()
        for (let i = 0; i < 20; i++) {
          await store.put(item(pk, 'a', `${i}`), 'any')
          expect((await other.get(pk, 'a'))?.rev).toBe(`${i}`)
        }
        await other.close()
      })

      it('does not change what was read when the item changes', async () => {
        const pk = newPk()
        const data = Buffer.from('one')
        await store.put({ pk, sk: 'a', rev: '1', data }, 'any')
        data.fill(0)
        const read = await store.get(pk, 'a')
        await store.put(item(pk, 'a', '2', 'two'), 'any')
        expect(text(read)).toBe('one')
      })
    })

    describe('conditions', () => {
      it('puts where absent, once', async () => {
        const pk = newPk()
        expect(await store.put(item(pk, 'a', '1', 'first'), 'absent')).toEqual({ ok: true })
        const second = await store.put(item(pk, 'a', '2', 'second'), 'absent')
        expect(current(second)).toEqual(plain(item(pk, 'a', '1', 'first')))
        expect(await stands(pk, 'a')).toBe('first')
      })

      it('puts where the rev matches, else shows what stands', async () => {
        const pk = newPk()
        await store.put(item(pk, 'a', '1'), 'any')
        expect(await store.put(item(pk, 'a', '2', 'two'), { rev: '1' })).toEqual({ ok: true })
        const stale = await store.put(item(pk, 'a', '3', 'three'), { rev: '1' })
        expect(current(stale)).toEqual(plain(item(pk, 'a', '2', 'two')))
        expect(await store.put(item(pk, 'a', '3', 'three'), { rev: '2' })).toEqual({ ok: true })
        expect(await stands(pk, 'a')).toBe('three')
      })

      it('shows the absence where a rev was expected', async () => {
        const pk = newPk()
        expect(await store.put(item(pk, 'a', '2'), { rev: '1' })).toEqual({ ok: false, current: undefined })
        expect(await store.get(pk, 'a')).toBeUndefined()
      })

      it('tells an empty rev from an absent item', async () => {
        const pk = newPk()
        expect((await store.put(item(pk, 'a', '1'), { rev: '' })).ok).toBe(false)
        await store.put(item(pk, 'a', ''), 'any')
        expect((await store.put(item(pk, 'a', '1'), 'absent')).ok).toBe(false)
        expect(await store.put(item(pk, 'a', '1'), { rev: '' })).toEqual({ ok: true })
      })

      it('deletes under a condition, and is content where nothing stands', async () => {
        const pk = newPk()
        await store.put(item(pk, 'a', '1'), 'any')
        expect(await store.delete(pk, 'a', { rev: '2' })).toBe(false)
        expect(await store.delete(pk, 'a', 'absent')).toBe(false)
        expect(await stands(pk, 'a')).toBe('a')
        expect(await store.delete(pk, 'a', { rev: '1' })).toBe(true)
        expect(await store.get(pk, 'a')).toBeUndefined()
        expect(await store.delete(pk, 'a', { rev: '1' })).toBe(true)
        await store.put(item(pk, 'a', '3'), 'absent')
        expect(await store.delete(pk, 'a', 'any')).toBe(true)
        expect(await store.delete(pk, 'a', 'any')).toBe(true)
      })
    })

    describe('transact', () => {
      it('writes all puts', async () => {
        const pk = newPk()
        await store.put(item(pk, 'b', '1'), 'any')
        const puts = [put(item(pk, 'a', '1', 'A'), 'absent'), put(item(pk, 'b', '2', 'B'), { rev: '1' })]
        expect(await store.transact([...puts, put(item(newPk(), 'c', '1'), 'any')])).toEqual({ ok: true })
        expect([await stands(pk, 'a'), await stands(pk, 'b')]).toEqual(['A', 'B'])
      })

      it('writes none where one condition fails, and names those that did', async () => {
        const pk = newPk()
        await store.put(item(pk, 'b', '1', 'before'), 'any')
        const puts = [
          put(item(pk, 'a', '1'), 'absent'),
          put(item(pk, 'b', '2'), { rev: '0' }),
          put(item(pk, 'c', '1'), 'any'),
          put(item(pk, 'd', '1'), { rev: '1' }),
        ]
        expect(await store.transact(puts)).toEqual({ ok: false, failed: [1, 3] })
        expect(await keys(store, pk)).toEqual(['b'])
        expect(await stands(pk, 'b')).toBe('before')
      })

      it('takes a hundred puts, and none', async () => {
        const pk = newPk()
        const puts = Array.from({ length: 100 }, (_, i) =>
          put(item(pk, String(i).padStart(3, '0'), '1'), 'absent'),
        )
        expect(await store.transact(puts)).toEqual({ ok: true })
        expect(await keys(store, pk)).toHaveLength(100)
        expect(await store.transact([])).toEqual({ ok: true })
      })

      it('rejects more, and two puts for one key', async () => {
        const pk = newPk()
        const puts = Array.from({ length: 101 }, (_, i) => put(item(pk, `${i}`, '1'), 'any'))
        await expect(store.transact(puts)).rejects.toThrow(RangeError)
        const twice = [put(item(pk, 'a', '1'), 'any'), put(item(pk, 'a', '2'), 'any')]
        await expect(store.transact(twice)).rejects.toThrow(RangeError)
        expect(await keys(store, pk)).toEqual([])
      })
    })

    describe('query', () => {
      const sks = ['A', 'a', 'a/', 'a/1', 'a/10', 'a/2', 'b', 'é', '\uFFFD', '🚀']

      it('goes through a partition key in the order of UTF-8 bytes', async () => {
        const pk = newPk()
        for (const sk of sks.toReversed()) await store.put(item(pk, sk, '1'), 'any')
        expect(await keys(store, pk)).toEqual(sks) // UTF-16 would put the rocket before U+FFFD
        expect(await keys(store, pk, { descending: true })).toEqual(sks.toReversed())
        expect(await keys(store, newPk())).toEqual([])
      })

      it('keeps to a range: from inclusive, to exclusive', async () => {
        const pk = newPk()
        for (const sk of sks) await store.put(item(pk, sk, '1'), 'any')
        const all = (range: QueryRange) => sks.filter((sk) => inRange(sk, range))
        for (const range of [
          { from: 'a' },
          { to: 'b' },
          { from: 'a/', to: 'a/2' },
          { from: 'a/1', to: 'a/1' },
          { from: 'zz' },
          { from: 'b', to: 'a' },
        ]) {
          expect(await keys(store, pk, range)).toEqual(all(range))
          expect(await keys(store, pk, { ...range, descending: true })).toEqual(all(range).toReversed())
        }
        expect(await keys(store, pk, { from: 'a', limit: 3 })).toEqual(['a', 'a/', 'a/1'])
        expect(await keys(store, pk, { to: 'b', limit: 2, descending: true })).toEqual(['a/2', 'a/10'])
        expect(await keys(store, pk, { limit: 0 })).toEqual([])
      })

      it('goes over page after page, of many items and of large ones', async () => {
        const pk = newPk()
        const expected = Array.from({ length: 700 }, (_, i) => String(i).padStart(5, '0'))
        for (let at = 0; at < expected.length; at += 100)
          await store.transact(expected.slice(at, at + 100).map((sk) => put(item(pk, sk, '1'), 'any')))
        for (const sk of expected.slice(0, 12))
          await store.put({ ...item(pk, sk, '1'), data: Buffer.alloc(store.maxItemBytes, 1) }, 'any')
        expect(await keys(store, pk)).toEqual(expected)
        expect(await keys(store, pk, { descending: true })).toEqual(expected.toReversed())
        expect(await keys(store, pk, { from: '00005', limit: 400 })).toEqual(expected.slice(5, 405))
      })

      it('may be left early, and written under', async () => {
        const pk = newPk()
        for (const sk of ['a', 'b', 'c']) await store.put(item(pk, sk, '1'), 'any')
        for await (const { sk } of store.query(pk)) {
          await store.put(item(pk, sk, '2'), { rev: '1' })
          if (sk === 'b') break
        }
        expect((await store.get(pk, 'b'))?.rev).toBe('2')
        expect((await store.get(pk, 'c'))?.rev).toBe('1')
      })
    })

    describe('limits and expiry', () => {
      it('takes an item of exactly maxItemBytes and the longest keys, and rejects more for good', async () => {
        const pk = newPk()
        const data = Buffer.alloc(store.maxItemBytes, 9)
        const longest = { pk: pk.padEnd(2048, 'x'), sk: 'é'.repeat(512), rev: '1', data }
        expect(await store.put(longest, 'any')).toEqual({ ok: true })
        expect((await store.get(longest.pk, longest.sk))?.data.length).toBe(store.maxItemBytes)
        const larger = { pk, sk: 'a', rev: '1', data: Buffer.alloc(store.maxItemBytes + 1) }
        const tooLarge = { name: 'PortError', code: 'ITEM_TOO_LARGE', curable: false }
        await expect(store.put(larger, 'any')).rejects.toMatchObject(tooLarge)
        await expect(store.transact([put(larger, 'any')])).rejects.toMatchObject(tooLarge)
        expect(await store.get(pk, 'a')).toBeUndefined()
      })

      it('rejects keys that are empty or too long', async () => {
        const badKey = { name: 'PortError', code: 'BAD_KEY', curable: false }
        for (const [pk, sk] of [
          ['', 'a'],
          [newPk(), ''],
          ['x'.repeat(2049), 'a'],
          [newPk(), 'é'.repeat(513)],
        ] as const) {
          await expect(store.put(item(pk, sk, '1'), 'any')).rejects.toMatchObject(badKey)
          await expect(store.get(pk, sk)).rejects.toMatchObject(badKey)
        }
      })

      it('treats an expired item as absent, for reads and for conditions', async () => {
        const pk = newPk()
        const expired = (sk: string): Item => ({ ...item(pk, sk, '1', 'old'), expiresAtS: inSeconds(-10) })
        for (const sk of ['a', 'b', 'c', 'd']) await store.put(expired(sk), 'any')
        await store.put(item(pk, 'e', '1'), 'any')
        expect(await store.get(pk, 'a')).toBeUndefined()
        expect(await keys(store, pk)).toEqual(['e'])
        expect(await store.put(item(pk, 'a', '2'), { rev: '1' })).toEqual({ ok: false, current: undefined })
        expect(await store.put(item(pk, 'b', '2', 'new'), 'absent')).toEqual({ ok: true })
        expect(await store.delete(pk, 'c', { rev: '7' })).toBe(true)
        expect(await store.transact([put(item(pk, 'd', '2', 'new'), 'absent')])).toEqual({ ok: true })
        expect(await stands(pk, 'b')).toBe('new')
        expect(await stands(pk, 'd')).toBe('new')
      })
    })

    describe('races', () => {
      it('lets exactly one of many clients win each step', async () => {
        const pk = newPk()
        const clients = [store, await opened.another(), await opened.another()]
        await store.put(item(pk, 'a', '0'), 'absent')
        for (let round = 0; round < 25; round++) {
          const next = (client: number): Item =>
            item(pk, 'a', `${round + 1}`, `round ${round} client ${client}`)
          const results = await Promise.all(
            clients.map((client, i) => client.put(next(i), { rev: `${round}` })),
          )
          const winners = results.flatMap(({ ok }, i) => (ok ? [i] : []))
          expect(winners).toHaveLength(1)
          for (const lost of results.filter(({ ok }) => !ok))
            expect(current(lost)).toEqual(plain(next(winners[0] ?? -1)))
        }
        await Promise.all(clients.slice(1).map((client) => client.close()))
      })

      it('lets exactly one of two crossing transactions win', async () => {
        const other = await opened.another()
        for (let round = 0; round < 20; round++) {
          const pk = newPk()
          const both = (rev: string) => ['a', 'b'].map((sk) => put(item(pk, sk, rev), 'absent'))
          const results = await Promise.all([
            store.transact(both('mine')).catch(() => undefined),
            other.transact(both('theirs').toReversed()).catch(() => undefined),
          ])
          expect(results.filter((result) => result?.ok === true).length).toBeLessThanOrEqual(1)
          const revs = [(await store.get(pk, 'a'))?.rev, (await store.get(pk, 'b'))?.rev]
          expect(revs[0]).toBe(revs[1])
          const won = results.findIndex((result) => result?.ok === true)
          if (won >= 0) expect(revs[0]).toBe(won === 0 ? 'mine' : 'theirs')
        }
        await other.close()
      })

      it('loses no increment of concurrent read-modify-writes', async () => {
        const pk = newPk()
        const clients = [store, await opened.another()]
        await store.put(item(pk, 'n', '0', '0'), 'absent')
        const increment = async (client: KeyedStore): Promise<void> => {
          for (;;) {
            const before = await client.get(pk, 'n')
            const value = Number(text(before)) + 1
            const result = await client.put(item(pk, 'n', `${value}`, `${value}`), { rev: before?.rev ?? '' })
            if (result.ok) return
          }
        }
        await Promise.all(Array.from({ length: 40 }, (_, i) => increment(clients[i % 2] ?? store)))
        expect(await stands(pk, 'n')).toBe('40')
        await clients[1]?.close()
      })
    })

    it('may be closed twice', async () => {
      const other = await opened.another()
      await other.close()
      await other.close()
    })
  })
}

function item(pk: string, sk: string, rev: string, data = sk): Item {
  return { pk, sk, rev, data: Buffer.from(data) }
}

function put(of: Item, condition: Condition): { item: Item; condition: Condition } {
  return { item: of, condition }
}

function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

function inRange(sk: string, { from, to }: QueryRange): boolean {
  const bytes = Buffer.from(sk)
  return (
    (from === undefined || Buffer.compare(bytes, Buffer.from(from)) >= 0) &&
    (to === undefined || Buffer.compare(bytes, Buffer.from(to)) < 0)
  )
}

async function keys(store: KeyedStore, pk: string, range?: QueryRange): Promise<string[]> {
  const found: string[] = []
  for await (const { sk } of store.query(pk, range)) found.push(sk)
  return found
}

function text(found: Item | undefined): string | undefined {
  return found === undefined ? undefined : Buffer.from(found.data).toString()
}

/** With data as a plain array, so that a Buffer equals a Uint8Array. */
function plain(found: Item | undefined): unknown {
  return found === undefined ? undefined : { ...found, data: [...found.data] }
}

function current(result: Awaited<ReturnType<KeyedStore['put']>>): unknown {
  return result.ok ? 'the put succeeded' : plain(result.current)
}
