import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { answer, inFolder } from '../end-to-end/weir.ts'
import { labelCounts, madeLines } from './network-lines.ts'
import { onServer } from './on-server.ts'
import { startKafka } from './servers/kafka.ts'

const RECORDS = 3000

interface Answer {
  readonly rows: readonly { readonly key: string; readonly count: number }[]
}

/** The commands as a user calls them, each part embedded or on a server. */
onServer('kafka', () => {
  onServer('dynamodb', (dynamodb) => {
    onServer('s3', (s3) => {
      const mixes = {
        'all three': { kafka: true, args: ['--dynamodb', dynamodb.endpoint, '--s3', s3.endpoint] },
        'Kafka alone, two replays': { kafka: true, args: [] },
        'DynamoDB alone': { kafka: false, args: ['--dynamodb', dynamodb.endpoint.replace('http://', '')] },
        'S3 alone': { kafka: false, args: ['--s3', s3.endpoint] },
      }
      describe('weir replay, query and verify agree on', () => {
        for (const [name, { kafka, args }] of Object.entries(mixes))
          it(name, { timeout: 240_000 }, async () => {
            // Topics have fixed names: each mix has a cluster, a table and a bucket of its own.
            const own = kafka ? await startKafka() : undefined
            try {
              const brokers = own === undefined ? [] : ['--brokers', own.endpoint]
              await inFolder((dir) =>
                replayOn(dir, [...args, ...brokers], name.endsWith('two replays') ? 2 : 1),
              )
            } finally {
              await own?.stop()
            }
          })
      })
    })
  })
})

async function replayOn(dir: string, servers: readonly string[], times: number): Promise<void> {
  const lines = madeLines(RECORDS)
  const file = join(dir, 'network.csv')
  await writeFile(file, `${lines.join('\n')}\n`)
  const id = randomUUID()
  const env = {
    WEIR_TABLE: id,
    WEIR_BUCKET: id,
    AWS_ACCESS_KEY_ID: 'weirtest',
    AWS_SECRET_ACCESS_KEY: 'weirtestsecret',
  }
  const all = ['--data', join(dir, 'data'), ...servers]
  for (let i = 0; i < times; i++) {
    const summary = await answer(['replay', 'network', file, ...all], { env })
    expect(summary).toMatchObject({ recordsIn: RECORDS, archived: RECORDS, counted: RECORDS })
  }
  const { rows } = await answer<Answer>(['query', 'network.byLabel', ...all], { env })
  const counts = Object.fromEntries(rows.map(({ key, count }) => [key, count / times]))
  expect(counts).toEqual(labelCounts(lines))
  expect(await answer(['verify', 'network', ...all], { env })).toMatchObject({ ok: true })
}
