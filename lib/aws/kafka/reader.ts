import { PortError } from '../../ports/errors.ts'
import type { StoredBatch } from '../../ports/event-log.ts'
import { RecordBatch } from '../../stream/record-batch.ts'
import type { Cluster } from './cluster.ts'
import { decodeBatch, type RawBatch, splitBatches } from './decode-batch.ts'
import { expectOk } from './errors.ts'
import { type FetchAnswer, fetchRecords } from './requests.ts'

const FETCH_BYTES_MIN = 64 * 1024

/** Reads partitions as `EventLog.read` promises. */
export class Reader {
  readonly #cluster: Cluster
  /** By how much a partition's batches unfold: what is fetched but not decoded was carried in vain. */
  readonly #unfolding = new Map<string, number>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async read(
    topic: string,
    partition: number,
    fromOffset: number,
    maxBytes: number,
  ): Promise<readonly StoredBatch[]> {
    let offset = fromOffset
    for (;;) {
      const answer = await this.#fetch(topic, partition, offset, maxBytes)
      const raw = [...splitBatches(answer.batches)]
      const found = await this.#decode(raw, topic, partition, fromOffset, maxBytes)
      const reached = raw.at(-1)?.nextOffset ?? offset
      if (found.length > 0) return found
      if (reached >= answer.highWatermark || reached <= offset)
        // Markers reach up to the log's end: a batch without records says where to go on.
        return reached > fromOffset ? [{ baseOffset: reached, appendTimeMs: 0, records: NONE }] : []
      offset = reached
    }
  }

  #fetch(topic: string, partition: number, offset: number, maxBytes: number): Promise<FetchAnswer> {
    const unfolding = this.#unfolding.get(`${topic}/${partition}`) ?? 1
    const fetchBytes = Math.max(FETCH_BYTES_MIN, Math.ceil(maxBytes / unfolding))
    return this.#cluster.retrying(async () => {
      const connection = await this.#cluster.leader(topic, partition, 'read')
      const question = { topic, partition, offset, maxBytes: fetchBytes, maxWaitMs: 0 }
      const answer = await connection.send(fetchRecords, question, this.#cluster.timeoutMs)
      if (answer.error !== 0) this.#cluster.forget(topic)
      const what = `read ${topic}/${partition} from offset ${offset}`
      expectOk(answer.error, what)
      // A client over its quota is answered with nothing, which must not read as the end of the log.
      if (answer.highWatermark < 0)
        throw new PortError('THROTTLED', `${what}: over the quota`, { curable: true })
      return answer
    })
  }

  async #decode(
    raw: readonly RawBatch[],
    topic: string,
    partition: number,
    fromOffset: number,
    maxBytes: number,
  ): Promise<StoredBatch[]> {
    const found: StoredBatch[] = []
    let foldedBytes = 0
    let sizeBytes = 0
    for (const batch of raw) {
      if (batch.control || batch.nextOffset <= fromOffset) continue
      if (sizeBytes >= maxBytes) break
      foldedBytes += batch.bytes.length
      for (const piece of await decodeBatch(batch, topic)) {
        if (piece.baseOffset + piece.records.count <= fromOffset) continue
        found.push(piece)
        sizeBytes += piece.records.bytes.length
      }
    }
    if (foldedBytes > 0) this.#unfolding.set(`${topic}/${partition}`, Math.max(1, sizeBytes / foldedBytes))
    return found
  }
}

const NONE = new RecordBatch(new Uint8Array(0), 0)
