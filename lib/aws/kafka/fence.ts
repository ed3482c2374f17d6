import { PortError } from '../../ports/errors.ts'
import type { Cluster } from './cluster.ts'
import type { Connection } from './connection.ts'
import type { ProducerMark } from './encode-batch.ts'
import { expectOk } from './errors.ts'
import {
  addPartitionsToTransaction,
  endTransaction,
  findTransactionCoordinator,
  type InTransaction,
  initProducerId,
  type ProducerIdentity,
} from './fence-requests.ts'

/**
 * The identity that a fenced producer writes under, and where each partition's count of records stands.
 *
 * How fencing works, and why no record is ever rolled back: the cluster knows one producer id by its fixed
 * transactional id, and raises its epoch each time a process asks for it. An empty transaction over the partitions then
 * leaves a marker of the new epoch in each of them, and from that marker on their leaders refuse every batch of an
 * older epoch, whatever is still in some socket. The records themselves are written outside any transaction. The
 * price: a marker takes one offset, so offsets have a gap at each fencing. Leaders forget a producer a day after it
 * last wrote (`producer.id.expiration.ms`): a process that was paused for longer is not held off. Nor is one from before a
 * producer id ran out of epochs, which takes some 16,000 fencings by one name.
 */
export class FenceMark {
  readonly #identity: ProducerIdentity
  readonly #next = new Map<string, number>()

  constructor(identity: ProducerIdentity) {
    this.#identity = identity
  }

  /** The mark of the next batch of `count` records for a partition. */
  next(key: string, count: number): ProducerMark {
    const sequence = this.#next.get(key) ?? 0
    this.#next.set(key, (sequence + count) % 2 ** 31)
    return { ...this.#identity, sequence }
  }
}

/** How long the cluster lets an open transaction stand; ours last milliseconds. */
const TRANSACTION_TIMEOUT_MS = 30_000
/** A coordinator that moves, or an older process's transaction being ended, is waited for so long. */
const PATIENCE_MS = 30_000
const ROUNDS_MAX = 5

/**
 * When it resolves, no batch of an earlier holder of `transactionalId` can land in the topic any more. Rejects with LOCKED
 * where another raises it at the same time and comes first.
 */
export async function raiseFence(
  cluster: Cluster,
  transactionalId: string,
  topic: string,
): Promise<FenceMark> {
  const info = await cluster.describe(topic, Infinity)
  if (info === undefined)
    throw new PortError('NO_SUCH_TOPIC', `there is no topic ${topic}`, { curable: false })
  const partitions = info.partitions.map(({ partition }) => partition)
  let identity = await takeOver(cluster, transactionalId)
  for (let round = 1; ; round++) {
    await leaveMarkers(cluster, { transactionalId, ...identity, topic, partitions })
    // The coordinator hands out the next epoch only once every partition has its marker: this waits for them.
    const next = await takeOver(cluster, transactionalId)
    // Who took over in between may have left markers of its own and be at work behind them: ours must come last.
    if (next.producerId === identity.producerId && next.epoch === identity.epoch + 1)
      return new FenceMark(next)
    identity = next
    if (round < ROUNDS_MAX) continue
    const message = `fence ${topic} by ${transactionalId}: others took it over ${round} times meanwhile`
    throw new PortError('LOCKED', message, { curable: false })
  }
}

/** An empty transaction over the partitions, ended at once. */
async function leaveMarkers(
  cluster: Cluster,
  question: InTransaction & { readonly topic: string; readonly partitions: readonly number[] },
): Promise<void> {
  const { transactionalId, topic } = question
  const what = `fence ${topic} by ${transactionalId}`
  await atCoordinator(cluster, transactionalId, async (coordinator) => {
    const errors = await coordinator.send(addPartitionsToTransaction, question, cluster.timeoutMs)
    for (const error of errors) expectOk(error, what)
  })
  await atCoordinator(cluster, transactionalId, async (coordinator) => {
    expectOk(await coordinator.send(endTransaction, question, cluster.timeoutMs), what)
  })
}

/** The producer id at its next epoch, as soon as no transaction of an earlier one is still being ended. */
function takeOver(cluster: Cluster, transactionalId: string): Promise<ProducerIdentity> {
  return atCoordinator(cluster, transactionalId, async (coordinator) => {
    const question = { transactionalId, timeoutMs: TRANSACTION_TIMEOUT_MS }
    const answer = await coordinator.send(initProducerId, question, cluster.timeoutMs)
    expectOk(answer.error, `take over ${transactionalId}`)
    return answer.identity
  })
}

/** Asks the coordinator, found anew at each try: it moves when its broker goes, and takes seconds to load. */
function atCoordinator<T>(
  cluster: Cluster,
  transactionalId: string,
  ask: (coordinator: Connection) => Promise<T>,
): Promise<T> {
  return cluster.retryingFor(PATIENCE_MS, async () => {
    const asked = await cluster.controller()
    const question = { transactionalId }
    const answer = await asked.send(findTransactionCoordinator, question, cluster.timeoutMs)
    expectOk(answer.error, `find the coordinator of ${transactionalId}`, answer.message)
    return ask(await cluster.connection(answer, 'admin'))
  })
}
