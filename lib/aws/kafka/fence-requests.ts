import type { Broker, Outcome } from './cluster-requests.ts'
import type { Api } from './requests.ts'

/** The four requests by which a process takes over a producer id from an older one (see fence.ts). */
export interface ProducerIdentity {
  readonly producerId: bigint
  readonly epoch: number
}

const TRANSACTION_KEY = 1

export const findTransactionCoordinator: Api<{ readonly transactionalId: string }, Outcome & Broker> = {
  name: 'FindCoordinator',
  key: 10,
  version: 2,
  flexible: false,
  write: (writer, { transactionalId }) => void writer.string(transactionalId).int8(TRANSACTION_KEY),
  read(reader) {
    reader.int32()
    const outcome = { error: reader.int16(), message: reader.nullableString() }
    return { ...outcome, id: reader.int32(), host: reader.string(), port: reader.int32() }
  },
}

export const initProducerId: Api<
  { readonly transactionalId: string; readonly timeoutMs: number },
  { readonly error: number; readonly identity: ProducerIdentity }
> = {
  name: 'InitProducerId',
  key: 22,
  version: 1,
  flexible: false,
  write: (writer, { transactionalId, timeoutMs }) => void writer.string(transactionalId).int32(timeoutMs),
  read(reader) {
    reader.int32()
    return { error: reader.int16(), identity: { producerId: reader.bigint64(), epoch: reader.int16() } }
  },
}

export interface InTransaction extends ProducerIdentity {
  readonly transactionalId: string
}

/** Resolves with one error code a partition. */
export const addPartitionsToTransaction: Api<
  InTransaction & { readonly topic: string; readonly partitions: readonly number[] },
  readonly number[]
> = {
  name: 'AddPartitionsToTxn',
  key: 24,
  version: 1,
  flexible: false,
  write(writer, { transactionalId, producerId, epoch, topic, partitions }) {
    writer.string(transactionalId).int64(producerId).int16(epoch).int32(1).string(topic)
    writer.array(partitions, (w, partition) => w.int32(partition))
  },
  read(reader) {
    reader.int32()
    const topics = reader.array(() => {
      reader.string()
      return reader.array(() => {
        reader.int32()
        return reader.int16()
      })
    })
    return topics.flat()
  },
}

/** Ends it by abort: there is nothing in it to commit. Resolves with the error code. */
export const endTransaction: Api<InTransaction, number> = {
  name: 'EndTxn',
  key: 26,
  version: 1,
  flexible: false,
  write(writer, { transactionalId, producerId, epoch }) {
    writer.string(transactionalId).int64(producerId).int16(epoch).bool(false)
  },
  read(reader) {
    reader.int32()
    return reader.int16()
  },
}
