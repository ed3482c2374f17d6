import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleepMs } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FolderStore } from '../../lib/local/folder-store.ts'
import { SqliteStore } from '../../lib/local/sqlite-store.ts'
import { startChild } from './child.ts'
import { unpaddedNumber } from './padded-number.ts'

const ROUNDS = 150
const RACERS = ['ada', 'bob', 'cyd']

describe('stores among processes', () => {
  let dir: string
  let path: string
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'weir-store-'))
    path = join(dir, 'store')
  })
  afterEach(() => rmSync(dir, { recursive: true }))

  const readers = {
    keyed: async () => {
      const store = await SqliteStore.open(path)
      return { store, read: async (key: string) => (await store.get('p', key))?.data }
    },
    objects: async () => {
      const store = await FolderStore.open(path)
      return { store, read: async (key: string) => (await store.get(`objects/${key}`))?.bytes }
    },
  }

  it('lets exactly one process win each key of a SqliteStore, and loses no increment', async () => {
    expect(await race('keyed', path)).toEqual(everyRound())
    const store = await SqliteStore.open(path)
    expect((await store.get('race', 'counter'))?.rev).toBe(`${ROUNDS * RACERS.length}`)
    await store.close()
  })

  it('lets exactly one process win each key of a FolderStore, and loses no increment', async () => {
    expect(await race('objects', path)).toEqual(everyRound())
    const store = await FolderStore.open(path)
    const counter = await store.get('counter')
    expect(Number(Buffer.from(counter?.bytes ?? '').toString())).toBe(ROUNDS * RACERS.length)
    await store.close()
  })

  for (const kind of ['keyed', 'objects'] as const)
    it(`holds every acknowledged write whole after kills: ${kind}`, { timeout: 240_000 }, async () => {
      const acknowledged = new Map<string, number>()
      for (let round = 0; round < 4; round++) {
        await writeAndKill(kind, path, 60 + round * 50, acknowledged)
        expect(acknowledged.size).toBe(10)
        const { store, read } = await readers[kind]()
        for (const [key, value] of acknowledged) {
          const stored = unpaddedNumber((await read(key)) ?? Buffer.alloc(0))
          expect(stored === value || stored === value + 10, `${key}: ${stored}, acknowledged ${value}`).toBe(
            true,
          )
        }
        await store.close()
      }
    })
})

/** Every process's wins, sorted: each round must be in it once. */
async function race(kind: 'keyed' | 'objects', path: string): Promise<number[]> {
  const startMs = `${Date.now() + 1000}`
  const racers = RACERS.map((name) => startChild('racer.ts', kind, path, name, `${ROUNDS}`, startMs))
  const wins = await Promise.all(racers.map(async (racer) => JSON.parse(await racer.line()) as number[]))
  await Promise.all(racers.map(({ exited }) => exited))
  return wins.flat().toSorted((a, b) => a - b)
}

function everyRound(): number[] {
  return Array.from({ length: ROUNDS }, (_, round) => round)
}

async function writeAndKill(
  kind: 'keyed' | 'objects',
  path: string,
  ms: number,
  acknowledged: Map<string, number>,
): Promise<void> {
  const child = startChild('store-writer.ts', kind, path)
  const written = new Set<string>()
  child.lines.on('line', (line) => {
    const match = /^(\d) (\d{13})$/.exec(line)
    if (match?.[1] === undefined) return
    acknowledged.set(match[1], Number(match[2]))
    written.add(match[1])
  })
  // Each key was acknowledged once to this process: one that had only begun would be taken for a write out of nowhere.
  while (written.size < 10) await child.line()
  await sleepMs(ms)
  await child.kill()
}
