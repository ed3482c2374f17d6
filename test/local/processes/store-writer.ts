/**
 * Rewrites ten keys in turn until it is killed: `store-writer.ts keyed|objects <path>`. The value under a key is a number
 * and padding made of it; a line `<key> <number>` is printed for each acknowledged write.
 */
import { writeSync } from 'node:fs'
import { FolderStore } from '../../../lib/local/folder-store.ts'
import { SqliteStore } from '../../../lib/local/sqlite-store.ts'
import { paddedNumber } from '../padded-number.ts'

const [kind, path = ''] = process.argv.slice(2)

async function keyedWriter(): Promise<(key: number, value: number) => Promise<unknown>> {
  const store = await SqliteStore.open(path)
  return (key, value) =>
    store.put({ pk: 'p', sk: `${key}`, rev: `${value}`, data: paddedNumber(value) }, 'any')
}

async function objectWriter(): Promise<(key: number, value: number) => Promise<unknown>> {
  const store = await FolderStore.open(path, { fsync: 'never' })
  return (key, value) => store.put(`objects/${key}`, paddedNumber(value))
}

const write = kind === 'keyed' ? await keyedWriter() : await objectWriter()
for (let i = Date.now(); ; i++) {
  await write(i % 10, i)
  writeSync(1, `${i % 10} ${i}\n`)
}
