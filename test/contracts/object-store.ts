import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ObjectStore } from '../../lib/ports/object-store.ts'

export interface OpenObjectStore {
  readonly store: ObjectStore
  /** A second, independent client of the same storage: for races. Closed by the suite. */
  readonly another: () => Promise<ObjectStore>
  readonly close: () => Promise<void>
}

/** Registers the contract of `ObjectStore` for one implementation. Keys are unique, so a shared server will do. */
export function objectStoreContract(name: string, open: () => Promise<OpenObjectStore>): void {
  describe(`ObjectStore contract: ${name}`, () => {
    let opened: OpenObjectStore
    let store: ObjectStore
    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(() => opened?.close())

    const newFolder = (): string => `contract/${randomUUID()}`
    const stands = async (key: string) => text((await store.get(key))?.bytes)
    const put = async (key: string, value: string): Promise<string> =>
      etagOf(await store.put(key, Buffer.from(value)))

    describe('put and get', () => {
      it('gives the bytes back as they were put', async () => {
        const folder = newFolder()
        const objects = [Buffer.alloc(0), Buffer.from([0, 255, 13, 10]), Buffer.alloc(3_000_000, 'abc')]
        for (const [i, bytes] of objects.entries()) await store.put(`${folder}/${i}`, bytes)
        for (const [i, bytes] of objects.entries()) {
          const stored = await store.get(`${folder}/${i}`)
          expect(Buffer.compare(Buffer.from(stored?.bytes ?? 'none'), bytes)).toBe(0)
        }
      })

      it('has nothing where nothing was put, nor where only a folder is', async () => {
        const folder = newFolder()
        await put(`${folder}/a/b`, 'x')
        for (const key of [`${folder}/b`, `${folder}/a`, `${folder}/a/b/c`, newFolder()]) {
          expect(await store.get(key)).toBeUndefined()
          expect(await store.get(key, { start: 0, end: 10 })).toBeUndefined()
          expect(await store.head(key)).toBeUndefined()
        }
      })

      it('replaces an object, and its etag with its bytes', async () => {
        const key = `${newFolder()}/a`
        const etags = [await put(key, 'one'), await put(key, 'two'), await put(key, 'three')]
        expect(new Set(etags).size).toBe(3)
        expect(await store.get(key)).toMatchObject({ etag: etags[2] })
        expect(await stands(key)).toBe('three')
      })

      it('gives one etag for an object, whoever asks', async () => {
        const folder = newFolder()
        const etag = await put(`${folder}/a`, 'x')
        expect((await store.get(`${folder}/a`))?.etag).toBe(etag)
        expect((await store.get(`${folder}/a`, { start: 0, end: 1 }))?.etag).toBe(etag)
        expect((await store.head(`${folder}/a`))?.etag).toBe(etag)
        expect((await all(store, folder))[0]?.etag).toBe(etag)
      })

      it('tells size and time', async () => {
        const key = `${newFolder()}/a`
        const beforeMs = Date.now()
        await put(key, 'four')
        const info = await store.head(key)
        expect(info).toMatchObject({ key, sizeBytes: 4 })
        expect(Math.abs((info?.modifiedMs ?? 0) - beforeMs)).toBeLessThan(60_000)
      })

      it('gives a range, cut at the end of the object', async () => {
        const key = `${newFolder()}/a`
        await put(key, '0123456789')
        const range = async (start: number, end: number) =>
          text((await store.get(key, { start, end }))?.bytes)
        expect(await range(0, 1)).toBe('0')
        expect(await range(3, 7)).toBe('3456')
        expect(await range(8, 100)).toBe('89')
        expect(await range(0, 1e9)).toBe('0123456789')
        expect(await range(4, 4)).toBe('')
        expect(await range(10, 20)).toBe('')
        expect(await range(50, 60)).toBe('')
      })

      it('keeps the bytes it was given, whatever becomes of the buffer', async () => {
        const key = `${newFolder()}/a`
        const bytes = Buffer.from('as put')
        await store.put(key, bytes)
        bytes.fill(0)
        const read = await store.get(key)
        await put(key, 'replaced')
        expect(text(read?.bytes)).toBe('as put')
      })

      it('shows a write to every client at once', async () => {
        const folder = newFolder()
        const other = await opened.another()
        for (let i = 0; i < 10; i++) {
          const etag = await put(`${folder}/a`, `${i}`)
          expect(await other.get(`${folder}/a`)).toMatchObject({ etag })
          await put(`${folder}/b${i}`, 'x')
          expect(await keys(other, folder)).toHaveLength(i + 2)
        }
        await other.close()
      })
    })

    describe('conditions', () => {
      it('puts where absent, once, and again after a delete', async () => {
        const key = `${newFolder()}/a`
        const first = await store.put(key, Buffer.from('first'), 'absent')
        expect(first.ok).toBe(true)
        expect(await store.put(key, Buffer.from('second'), 'absent')).toEqual({ ok: false })
        expect(await stands(key)).toBe('first')
        await store.delete(key)
        expect((await store.put(key, Buffer.from('third'), 'absent')).ok).toBe(true)
        expect(await stands(key)).toBe('third')
      })

      it('puts where the etag matches', async () => {
        const key = `${newFolder()}/a`
        const first = await put(key, 'first')
        const second = etagOf(await store.put(key, Buffer.from('second'), { etag: first }))
        expect(await store.put(key, Buffer.from('stale'), { etag: first })).toEqual({ ok: false })
        expect(await stands(key)).toBe('second')
        expect((await store.put(key, Buffer.from('third'), { etag: second })).ok).toBe(true)
      })

      it('does not put where an etag was expected and nothing stands', async () => {
        const key = `${newFolder()}/a`
        const etag = await put(key, 'gone soon')
        await store.delete(key)
        expect(await store.put(key, Buffer.from('x'), { etag })).toEqual({ ok: false })
        expect(await store.get(key)).toBeUndefined()
      })
    })

    describe('keys', () => {
      const good = [
        "a!_.*'()=-Z9",
        'day=2026-11-05/part-0.parquet',
        '..a/.b/c..',
        '*',
        '***/x',
        'CON',
        'x'.repeat(600),
      ]

      it('takes every key the contract allows', async () => {
        const folder = newFolder()
        const longest = `${folder}/`.padEnd(900, 'long/name-').replace(/\/$/, 'x')
        for (const key of [...good.map((tail) => `${folder}/${tail}`), longest]) {
          await put(key, key)
          expect(await stands(key)).toBe(key)
          expect((await store.head(key))?.key).toBe(key)
        }
        const expected = [...good.map((tail) => `${folder}/${tail}`), longest].toSorted()
        expect(await keys(store, `${folder}/`)).toEqual(expected)
      })

      it('takes keys without a folder', async () => {
        const key = `*contract-${randomUUID()}`
        await put(key, 'top')
        expect(await keys(store, key)).toEqual([key])
        await store.delete(key)
      })

      it('rejects others', async () => {
        const bad = [
          '',
          '/',
          '/a',
          'a/',
          'a//b',
          '.',
          '..',
          '../a',
          'a/./b',
          'a/../b',
          'a b',
          'a\\b',
          'a%b',
          'é',
          'a\0b',
        ]
        for (const key of [...bad, 'x'.repeat(901)]) {
          const badKey = { name: 'PortError', code: 'BAD_KEY', curable: false }
          await expect(store.put(key, Buffer.from('x')), key).rejects.toMatchObject(badKey)
          await expect(store.get(key), key).rejects.toMatchObject(badKey)
          await expect(store.head(key), key).rejects.toMatchObject(badKey)
          await expect(store.delete(key), key).rejects.toMatchObject(badKey)
        }
      })
    })

    describe('list and delete', () => {
      it('lists what starts with a prefix, in the order of keys', async () => {
        const folder = newFolder()
        const tails = ['a', 'a-b', 'a.b/c', 'b/a', 'b/a-1', 'b/aa/x', 'b-c', 'b0', 'B', 'c/d/e/f']
        for (const tail of tails) await put(`${folder}/${tail}`, tail)
        const full = tails.map((tail) => `${folder}/${tail}`).toSorted()
        for (const prefix of ['', 'a', 'a-', 'b', 'b/', 'b/a', 'c/d', 'c/d/e/f', 'z', 'a/'])
          expect(await keys(store, `${folder}/${prefix}`)).toEqual(
            full.filter((key) => key.startsWith(`${folder}/${prefix}`)),
          )
        expect(await keys(store, folder)).toEqual(full)
      })

      it('lists long names among short ones in the order of keys', async () => {
        const folder = newFolder()
        const long = 'n'.repeat(180)
        const tails = [long, `${long}-`, `${long}m/x`, `${long}0`, `${long}${long}`, 'm', 'o']
        for (const tail of tails) await put(`${folder}/${tail}`, 'x')
        expect(await keys(store, `${folder}/n`)).toEqual(
          tails
            .filter((tail) => tail.startsWith('n'))
            .map((tail) => `${folder}/${tail}`)
            .toSorted(),
        )
      })

      it('lists nothing for prefixes that no key can have', async () => {
        for (const prefix of ['/', '../', 'contract/../', '%', 'a b', '\0'])
          expect(await keys(store, prefix)).toEqual([])
      })

      it('lists more than a page of a server holds', async () => {
        const folder = newFolder()
        const expected = Array.from({ length: 1100 }, (_, i) => `${folder}/${String(i).padStart(5, '0')}`)
        for (let at = 0; at < expected.length; at += 50)
          await Promise.all(expected.slice(at, at + 50).map((key) => put(key, 'x')))
        expect(await keys(store, `${folder}/`)).toEqual(expected)
      })

      it('deletes an object and no other, and is content where there is none', async () => {
        const folder = newFolder()
        for (const tail of ['a/1', 'a/2']) await put(`${folder}/${tail}`, tail)
        await store.delete(`${folder}/a/1`)
        await store.delete(`${folder}/a/1`)
        await store.delete(`${folder}/none/at/all`)
        await store.delete(`${folder}/a`)
        expect(await keys(store, folder)).toEqual([`${folder}/a/2`])
        await store.delete(`${folder}/a/2`)
        expect(await keys(store, folder)).toEqual([])
        await put(`${folder}/a`, 'where a folder was')
        expect(await stands(`${folder}/a`)).toBe('where a folder was')
      })
    })

    describe('races', () => {
      it('lets exactly one of many clients put where absent', async () => {
        const folder = newFolder()
        const clients = [store, await opened.another(), await opened.another()]
        for (let round = 0; round < 15; round++) {
          const key = `${folder}/${round}`
          const results = await Promise.all(
            clients.map((client, i) => attempt(client, key, `${i}`, 'absent')),
          )
          const winners = results.flatMap((ok, i) => (ok ? [i] : []))
          expect(winners).toHaveLength(1)
          expect(await stands(key)).toBe(`${winners[0]}`)
        }
        await Promise.all(clients.slice(1).map((client) => client.close()))
      })

      it('lets exactly one of many clients replace an etag', async () => {
        const key = `${newFolder()}/a`
        const clients = [store, await opened.another(), await opened.another()]
        await put(key, 'start')
        for (let round = 0; round < 15; round++) {
          const etag = (await store.head(key))?.etag ?? ''
          // Of one length, and each client's own: the same bytes as the winner's are a success of one's own.
          const results = await Promise.all(
            clients.map((client, i) => attempt(client, key, `put ${round % 2}${i}`, { etag })),
          )
          expect(results.filter((ok) => ok)).toHaveLength(1)
        }
        await Promise.all(clients.slice(1).map((client) => client.close()))
      })

      it('shows readers the old bytes or the new, never a part', async () => {
        const key = `${newFolder()}/a`
        const whole = (letter: string) => letter.repeat(200_000)
        await put(key, whole('a'))
        let writing = true
        const write = async (): Promise<void> => {
          for (const letter of 'bcdefghijklmnop') await put(key, whole(letter))
          writing = false
        }
        const read = async (): Promise<void> => {
          while (writing) {
            const seen = await stands(key)
            expect(seen === whole(seen?.[0] ?? '')).toBe(true)
          }
        }
        await Promise.all([write(), read(), read()])
      })
    })

    it('may be closed twice', async () => {
      const other = await opened.another()
      await other.close()
      await other.close()
    })
  })
}

async function attempt(
  client: ObjectStore,
  key: string,
  value: string,
  condition: 'absent' | { etag: string },
): Promise<boolean> {
  return (await client.put(key, Buffer.from(value), condition)).ok
}

async function all(store: ObjectStore, prefix: string) {
  const found = []
  for await (const info of store.list(prefix)) found.push(info)
  return found
}

async function keys(store: ObjectStore, prefix: string): Promise<string[]> {
  return (await all(store, prefix)).map(({ key }) => key)
}

function etagOf(result: Awaited<ReturnType<ObjectStore['put']>>): string {
  if (!result.ok) throw new Error('the put did not hold')
  return result.etag
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes).toString()
}
