import type { Compression } from '../../lib/aws/kafka/compression.ts'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { eventLogContract } from '../contracts/event-log.ts'
import { onServer } from './on-server.ts'

onServer('kafka', ({ endpoint }) => {
  const open = (compression: Compression): KafkaLog =>
    new KafkaLog({ brokers: [endpoint], clientId: 'weir-test', requestTimeoutMs: 5000, compression })

  for (const compression of ['none', 'gzip', 'zstd'] as const)
    eventLogContract(`Kafka, ${compression}`, async () => {
      const log = open(compression)
      return { log, reopen: async () => open(compression), close: () => log.close() }
    })
})
