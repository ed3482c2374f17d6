import { ProduceAcks, Producer } from '@platformatic/kafka'
import type { Compression } from '../../lib/aws/kafka/compression.ts'
import { crc32c } from '../../lib/aws/kafka/crc32c.ts'
import { decodeBatch, splitBatches } from '../../lib/aws/kafka/decode-batch.ts'
import { encodeBatch } from '../../lib/aws/kafka/encode-batch.ts'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { RecordBatchBuilder } from '../../lib/stream/record-batch.ts'
import { compare, kddLikeRecords, print } from './measure.ts'

/**
 * `node bench/adapters/kafka.ts [host:port]`: CPU per record of encoding and decoding batches, and with a broker
 * (`node test/real/servers/run.ts kafka`) of appending and reading, by Weir's own client and by @platformatic/kafka.
 */
const COUNT = 900
const values = kddLikeRecords(COUNT)
const builder = new RecordBatchBuilder()
for (const value of values) builder.add(null, value)
const batch = builder.build()
const codecs: readonly Compression[] = ['none', 'zstd', 'gzip']
console.log(`${COUNT} records of ${Math.round(batch.bytes.length / COUNT)} bytes`)

const coded = await compare(
  await Promise.all(
    codecs.map(async (codec) => {
      const encoded = asStored(await encodeBatch(batch, codec, Date.now()))
      return [
        { name: `encode, ${codec}`, run: () => encodeBatch(batch, codec, Date.now()) },
        { name: `decode, ${codec}`, run: () => decodeAll(encoded) },
      ]
    }),
  ).then((ways) => ways.flat()),
  30,
)
print('CPU per record in us', await Promise.all(coded.map(perRecord)))

async function perRecord({ name, cpuMs, wallMs }: { name: string; cpuMs: number; wallMs: number }) {
  const codec = codecs.find((c) => name.endsWith(c)) ?? 'none'
  const bytes = (await encodeBatch(batch, codec, 0)).length
  const us = (ms: number): number => Number(((ms * 1000) / COUNT).toFixed(2))
  return { name, cpuUs: us(cpuMs), wallUs: us(wallMs), bytesPerRecord: Math.round(bytes / COUNT) }
}

async function decodeAll(answer: Buffer): Promise<void> {
  for (const raw of splitBatches(answer)) await decodeBatch(raw, 'bench')
}

/** With the broker's append time, as decoding demands. */
function asStored(encoded: Buffer): Buffer {
  encoded.writeInt16BE(encoded.readInt16BE(21) | 8, 21)
  encoded.writeUInt32BE(crc32c(encoded, 21), 17)
  return encoded
}

const broker = process.argv[2]
if (broker !== undefined) await onBroker(broker)

async function onBroker(address: string): Promise<void> {
  const topic = `bench-${Date.now()}`
  const logs = new Map(
    codecs.map((compression) => {
      const settings = { brokers: [address], clientId: 'bench', requestTimeoutMs: 10_000, compression }
      return [compression, new KafkaLog(settings)] as const
    }),
  )
  const [log] = logs.values()
  await log?.createTopic(topic, 2)
  const library = new Producer({
    clientId: 'bench',
    bootstrapBrokers: [address],
    retries: 0,
    idempotent: false,
    acks: ProduceAcks.ALL,
  })
  const messages = () => values.map((value) => ({ topic, partition: 1, value }))
  const ways = codecs.flatMap((compression) => [
    { name: `append, own, ${compression}`, run: () => logs.get(compression)?.append(topic, 0, batch) },
    {
      name: `append, @platformatic/kafka, ${compression}`,
      run: () => library.send({ messages: messages(), compression }),
    },
  ])
  print('on a broker, CPU per record in us', await Promise.all((await compare(ways, 20, 8)).map(perRecord)))
  const { end } = (await log?.offsets(topic, 0)) ?? { end: 0 }
  let at = 0
  const read = await compare(
    [
      {
        name: 'read, own, mixed',
        run: async () => {
          const read = (await log?.read(topic, 0, at, 1_000_000)) ?? []
          const last = read.at(-1)
          at =
            last === undefined || last.baseOffset + last.records.count >= end
              ? 0
              : last.baseOffset + last.records.count
        },
      },
    ],
    40,
  )
  print('reading about a batch', await Promise.all(read.map(perRecord)))
  await library.close()
  for (const each of logs.values()) await each.close()
}
