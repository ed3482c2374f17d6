/**
 * Races other processes for keys: `racer.ts keyed|objects <path> <name> <rounds> <start, ms>`. From the start time on it
 * tries to be the first at each of the rounds, a few milliseconds apart so that all meet in each, then adds one to a
 * counter as often. Prints the rounds it won.
 */
import { setTimeout as sleepMs } from 'node:timers/promises'
import { FolderStore } from '../../../lib/local/folder-store.ts'
import { SqliteStore } from '../../../lib/local/sqlite-store.ts'

const [kind, path = '', name = '', rounds = '0', startMs = '0'] = process.argv.slice(2)

const ROUND_MS = 3

interface Race {
  claim(round: number): Promise<boolean>
  addOne(): Promise<boolean>
}

async function keyedRace(): Promise<Race> {
  const store = await SqliteStore.open(path)
  return {
    claim: async (round) =>
      (await store.put({ pk: 'race', sk: `${round}`, rev: name, data: bytes(name) }, 'absent')).ok,
    addOne: async () => {
      const before = await store.get('race', 'counter')
      const next = `${Number(before?.rev ?? 0) + 1}`
      const condition = before === undefined ? 'absent' : { rev: before.rev }
      return (await store.put({ pk: 'race', sk: 'counter', rev: next, data: bytes(name) }, condition)).ok
    },
  }
}

async function objectRace(): Promise<Race> {
  const store = await FolderStore.open(path, { fsync: 'never' })
  return {
    claim: async (round) => (await store.put(`race/${round}`, bytes(name), 'absent')).ok,
    addOne: async () => {
      const before = await store.get('counter')
      const next = `${Number(before === undefined ? 0 : Buffer.from(before.bytes).toString()) + 1}`
      const condition = before === undefined ? 'absent' : { etag: before.etag }
      return (await store.put('counter', bytes(next.padStart(6, '0')), condition)).ok
    },
  }
}

function bytes(text: string): Buffer {
  return Buffer.from(text)
}

const race = kind === 'keyed' ? await keyedRace() : await objectRace()
const won: number[] = []
for (let round = 0; round < Number(rounds); round++) {
  await sleepMs(Math.max(0, Number(startMs) + round * ROUND_MS - Date.now()))
  if (await race.claim(round)) won.push(round)
}
for (let added = 0; added < Number(rounds); ) if (await race.addOne()) added++
process.stdout.write(`${JSON.stringify(won)}\n`)
