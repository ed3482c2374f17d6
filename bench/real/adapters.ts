/**
 * `node bench/real/adapters.ts`: CPU and time of this process for each adapter on real servers on this machine: Kafka a
 * record (of 1 kB, in batches of 500), DynamoDB and S3 a request. The servers' own CPU is not in it.
 */
import { randomBytes } from 'node:crypto'
import { table } from '../../bin/table.ts'
import { openBackends, openKafka, prepareServers } from '../../lib/local/backends.ts'
import { dataFolder } from '../../lib/local/data-folder.ts'
import { recordBatch } from '../../lib/stream/record-batch.ts'
import { compare } from '../adapters/measure.ts'
import { onServers } from './servers.ts'

const RECORDS = 500
const RUNS = 100

await onServers(async (servers, dir) => {
  await prepareServers(servers)
  const { keyed, objects } = await openBackends(dataFolder(dir), servers)
  const log = await openKafka(servers)
  if (log === undefined) throw new Error('there is no Kafka')
  await log.createTopic('bench', 1)
  const text = Buffer.from(`${'tcp,http,SF,'.repeat(80)}`)
  const batch = recordBatch(Array.from({ length: RECORDS }, () => ({ value: text })))
  const fenced = await log.fence('bench', 'bench')
  const small = randomBytes(4000)
  const large = randomBytes(1_000_000)
  let n = 0
  const item = () => ({ pk: 'board/bench', sk: String(n++ % 1000), rev: `${n}`, data: small })
  const ways = [
    { name: 'Kafka append', per: RECORDS, run: () => log.append('bench', 0, batch) },
    { name: 'Kafka append, fenced', per: RECORDS, run: () => fenced.append(0, batch) },
    { name: 'Kafka read', per: RECORDS * 4, run: () => log.read('bench', 0, 1, batch.bytes.length * 4 - 1) },
    { name: 'DynamoDB put, 4 kB', per: 1, run: () => keyed.put(item(), 'any') },
    { name: 'DynamoDB get, 4 kB', per: 1, run: () => keyed.get('board/bench', '0') },
    { name: 'S3 put, 1 MB', per: 1, run: () => objects.put(`bench/${n++ % 100}`, large) },
    { name: 'S3 get, 1 MB', per: 1, run: () => objects.get('bench/0') },
  ]
  await objects.put('bench/0', large)
  const timings = await compare(ways, RUNS, 2)
  const rows = timings.map(({ name, cpuMs, wallMs }, i) => {
    const per = ways[i]?.per ?? 1
    return [name, ((cpuMs * 1000) / per).toFixed(1), ((wallMs * 1000) / per).toFixed(1)]
  })
  console.log(table(['', 'CPU us a record or request', 'us in all'], rows))
  await Promise.all([log.close(), keyed.close(), objects.close()])
})
