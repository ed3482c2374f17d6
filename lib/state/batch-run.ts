import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type { ConditionalPut, Item, KeyedStore } from '../ports/keyed-store.ts'
import { batchKey } from './batch-pointer.ts'

/**
 * One recompute of a stream at a time: a lease in the keyed store, and the record of a run that has ended. The lease keeps
 * two runs from doing each other's work in vain; that two can never both publish is the pointer's own condition, put in one
 * transaction with the lease.
 */
export interface RunLease {
  readonly run: string
  readonly sinceMs: number
  /** From then on another run may take it over; 0: given back. */
  readonly untilMs: number
}

/** Another run has the lease. Not curable by trying at once: it ends, or its lease does. */
export class RunRefusedError extends Error {
  override readonly name = 'RunRefusedError'
}

/** This run's lease has been taken over: it was thought dead, and must stop. */
export class RunLostError extends Error {
  override readonly name = 'RunLostError'
}

const LEASE = 'run'
const TRIES_MAX = 20

export interface LeaseStore {
  readonly keyed: KeyedStore
  readonly clock: Pick<Clock, 'nowMs'>
}

/** What a run that ended has left: its result as JSON; undefined while it has not. */
export async function readRunRecord<T>(
  keyed: KeyedStore,
  stream: string,
  run: string,
): Promise<T | undefined> {
  const item = await keyed.get(batchKey(stream), recordKey(run))
  return item === undefined ? undefined : (JSON.parse(Buffer.from(item.data).toString()) as T)
}

/** For so long a run id is known to have ended. After it, the id is as good as a new one. */
const REMEMBERED_S = 30 * 24 * 3600

/** The put that records a run's end, absent before: a run ends once. */
export function recordPut(stream: string, run: string, result: { readonly endedMs: number }): ConditionalPut {
  const data = Buffer.from(JSON.stringify(result))
  const expiresAtS = Math.ceil(result.endedMs / 1000) + REMEMBERED_S
  const item = { pk: batchKey(stream), sk: recordKey(run), rev: run, data, expiresAtS }
  return { item, condition: 'absent' }
}

/** Who has the lease of a stream now, if anybody. */
export async function readLease({ keyed, clock }: LeaseStore, stream: string): Promise<RunLease | undefined> {
  const item = await keyed.get(batchKey(stream), LEASE)
  const lease = item && leaseOf(item)
  return lease !== undefined && lease.untilMs > clock.nowMs() ? lease : undefined
}

/** Takes the lease for a run, or takes it up again. Rejects with a RunRefusedError that says who has it since when. */
export async function takeLease(
  { keyed, clock }: LeaseStore,
  stream: string,
  run: string,
  leaseMs: number,
): Promise<void> {
  let current = await keyed.get(batchKey(stream), LEASE)
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const nowMs = clock.nowMs()
    const held = current && leaseOf(current)
    if (held !== undefined && held.run !== run && held.untilMs > nowMs) throw refused(stream, held, nowMs)
    const sinceMs = held?.run === run && held.untilMs > 0 ? held.sinceMs : nowMs
    const { item, condition } = leasePut(stream, { run, sinceMs, untilMs: nowMs + leaseMs }, current)
    const result = await keyed.put(item, condition)
    if (result.ok) return
    current = result.current
  }
  throw changing(stream)
}

/** Makes the lease last longer where under half of it is left. Rejects with a RunLostError where another run has it. */
export async function keepLease(
  { keyed, clock }: LeaseStore,
  stream: string,
  run: string,
  leaseMs: number,
): Promise<void> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const current = await keyed.get(batchKey(stream), LEASE)
    const held = ownLease(stream, run, current)
    const nowMs = clock.nowMs()
    if (held.untilMs - nowMs > leaseMs / 2) return
    const { item, condition } = leasePut(stream, { ...held, untilMs: nowMs + leaseMs }, current)
    if ((await keyed.put(item, condition)).ok) return
  }
  throw changing(stream)
}

/** Gives the lease back where the run still has it. */
export async function releaseLease({ keyed }: LeaseStore, stream: string, run: string): Promise<void> {
  for (let attempt = 0; attempt < TRIES_MAX; attempt++) {
    const current = await keyed.get(batchKey(stream), LEASE)
    const held = current && leaseOf(current)
    if (held === undefined || held.run !== run || held.untilMs === 0) return
    const { item, condition } = leasePut(stream, { ...held, untilMs: 0 }, current)
    if ((await keyed.put(item, condition)).ok) return
  }
}

/**
 * The put that, in a transaction with others, makes them happen only while the run has the lease; it lasts `leaseMs` more.
 * Rejects with a RunLostError where another run has it already.
 */
export async function leaseFence(
  { keyed, clock }: LeaseStore,
  stream: string,
  run: string,
  leaseMs: number,
): Promise<ConditionalPut> {
  const current = await keyed.get(batchKey(stream), LEASE)
  const held = ownLease(stream, run, current)
  return leasePut(stream, { ...held, untilMs: clock.nowMs() + leaseMs }, current)
}

function ownLease(stream: string, run: string, item: Item | undefined): RunLease {
  const held = item && leaseOf(item)
  if (held?.run === run && held.untilMs > 0) return held
  const by = held === undefined || held.untilMs === 0 ? 'nobody' : `run ${held.run}`
  throw new RunLostError(`${stream}: run ${run} no longer has the lease of recomputes, ${by} has it`)
}

/** Each put has a rev of its own: an expired lease taken up by its own run must fail who takes it over meanwhile. */
function leasePut(stream: string, lease: RunLease, current: Item | undefined): ConditionalPut {
  const rev = String(Number(current?.rev ?? 0) + 1)
  const item = { pk: batchKey(stream), sk: LEASE, rev, data: Buffer.from(JSON.stringify(lease)) }
  return { item, condition: current === undefined ? 'absent' : { rev: current.rev } }
}

function refused(stream: string, { run, sinceMs, untilMs }: RunLease, nowMs: number): RunRefusedError {
  return new RunRefusedError(
    `${stream}: run ${run} recomputes it since ${new Date(sinceMs).toISOString()}; wait for it, go on with --run-id ${run}` +
      ` where it has died, or start another in ${Math.ceil((untilMs - nowMs) / 1000)} s if it has not renewed its lease by then`,
  )
}

function changing(stream: string): PortError {
  return new PortError(
    'THROTTLED',
    `${batchKey(stream)} ${LEASE} changed ${TRIES_MAX} times under one write`,
    {
      curable: true,
    },
  )
}

function leaseOf({ data }: Item): RunLease {
  return JSON.parse(Buffer.from(data).toString()) as RunLease
}

function recordKey(run: string): string {
  return `done/${run}`
}
