import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { sampleEvents } from '../../events/generate.ts'
import { functionNames } from '../../lib/infra/functions.ts'
import { clientMessage } from '../../lib/serve/protocol.ts'
import { decodeValues, type KafkaEvent, partitionsOf } from '../../lib/speed/kafka-event.ts'
import { readEntry } from '../../lib/stream/entry.ts'
import { network } from '../../streams/network.ts'

const files = readdirSync('events').filter((name) => name.endsWith('.json'))

function read(file: string): unknown {
  return JSON.parse(readFileSync(`events/${file}`, 'utf8'))
}

/** The values of a Kafka event, and of its only partition's batch. */
function valuesOf(file: string): { offsets: readonly number[]; values: readonly string[] } {
  const [batch] = partitionsOf(read(file) as KafkaEvent)
  const records = batch?.records ?? []
  const { slab, bounds } = decodeValues(records)
  return {
    offsets: records.map(({ offset }) => offset),
    values: records.map((_, i) => slab.toString('utf8', bounds[i], bounds[i + 1])),
  }
}

test('the files are what their generator makes: after a change, npm run events', () => {
  const made = sampleEvents()
  expect(files.sort()).toEqual([...made.keys()].sort())
  for (const [file, event] of made) expect(read(file), file).toEqual(JSON.parse(JSON.stringify(event)))
})

test('every function has a sample event', () => {
  for (const name of functionNames())
    expect(
      files.some((file) => file === `${name}.json` || file.startsWith(`${name}-`)),
      name,
    ).toBe(true)
})

test('the raw records are of every kind: CSV, JSON, garbage and a line cut short', () => {
  const { offsets, values } = valuesOf('score.json')
  expect(offsets).toEqual([0, 1, 2, 3, 4, 5])
  const parsed = values.map((value) => network.parse(Buffer.from(value)))
  expect(parsed.map(({ ok }) => ok)).toEqual([true, true, true, false, false, true])
})

test.each(['count.json', 'archive.json', 'notify.json'])('%s holds one entry per raw record', (file) => {
  const entries = valuesOf(file).values.map(readEntry)
  expect(entries.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 4, 5])
  expect(entries.map(({ outcome }) => outcome)).toEqual(['ok', 'ok', 'ok', 'dead', 'dead', 'ok'])
  const alerts = entries.filter((entry) => entry.outcome === 'ok' && entry.severity !== undefined)
  expect(alerts).toHaveLength(2)
})

test('messages of a client are messages that the protocol knows', () => {
  for (const file of ['socket-subscribe.json', 'socket-ping.json']) {
    const { body } = read(file) as { body: string }
    expect(clientMessage.safeParse(JSON.parse(body)).success, file).toBe(true)
  }
})
