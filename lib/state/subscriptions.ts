import { randomUUID } from 'node:crypto'
import type { Clock } from '../ports/clock.ts'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'
import type { AlertFilter } from '../stream/alert.ts'
import type { AlertPosition } from './alert-cursor.ts'

/** API Gateway ends a connection after two hours; what is left of one vanishes an hour later. */
const LIFETIME_MS = 3 * 3_600_000

/** What one connection wants of one channel, and how far it has been served. */
export interface Subscription {
  readonly channel: string
  readonly connectionId: string
  /** Changes with every write. */
  readonly rev: string
  readonly where?: AlertFilter
  /** Alerts before it have been sent, or the filter left them out. */
  readonly position: AlertPosition
  /** The cursor of the last frame: where the client believes to be. */
  readonly told: AlertPosition
  /** When the last frame with alerts was sent; 0 before the first. */
  readonly framedMs: number
  /** Someone is about to send. */
  readonly lease?: Lease
}

export interface Lease {
  /** Of the invocation: a later one that takes over the same work knows its lease by it. */
  readonly owner: string
  /** The owner has not read the log before this time: what is stored by then will be in its frames. */
  readonly readsMs: number
  /** Then the owner is taken for dead. */
  readonly untilMs: number
  /** Someone stored more while the owner was sending: it must read the log once more before it leaves. */
  readonly again?: true
}

/**
 * Who listens to what: `subscriptions/<channel>` by connection, and `connections/<id>` by channel so that a closed
 * connection can be forgotten. Every change is conditional on the state it was made from.
 */
export class SubscriptionStore {
  readonly #keyed: KeyedStore
  readonly #clock: Pick<Clock, 'nowMs'>

  constructor(keyed: KeyedStore, clock: Pick<Clock, 'nowMs'>) {
    this.#keyed = keyed
    this.#clock = clock
  }

  /** Starts a subscription, in place of one that the connection may have on this channel. */
  async begin(wanted: NewSubscription): Promise<Subscription> {
    const rev = randomUUID()
    const { channel, connectionId } = wanted
    const begun: Subscription = { ...wanted, rev, told: wanted.position, framedMs: 0 }
    const index = this.#item({ pk: `connections/${connectionId}`, sk: channel, rev, data: new Uint8Array(0) })
    // Both or neither: a subscription that its connection does not list would outlive it.
    await this.#keyed.transact([
      { item: index, condition: 'any' },
      { item: this.#itemOf(begun), condition: 'any' },
    ])
    return begun
  }

  async get(channel: string, connectionId: string): Promise<Subscription | undefined> {
    const item = await this.#keyed.get(`subscriptions/${channel}`, connectionId)
    return item === undefined ? undefined : read(item)
  }

  async *of(channel: string): AsyncIterable<Subscription> {
    for await (const item of this.#keyed.query(`subscriptions/${channel}`)) yield read(item)
  }

  async channelsOf(connectionId: string): Promise<readonly string[]> {
    const channels: string[] = []
    for await (const { sk } of this.#keyed.query(`connections/${connectionId}`)) channels.push(sk)
    return channels
  }

  /** Replaces `before`, unless it has changed meanwhile: then undefined. */
  async replace(before: Subscription, change: SubscriptionChange): Promise<Subscription | undefined> {
    const { lease: _, ...rest } = before
    const after: Subscription = { ...rest, ...change, rev: randomUUID() }
    const result = await this.#keyed.put(this.#itemOf(after), { rev: before.rev })
    return result.ok ? after : undefined
  }

  /** Keeps the subscriptions of a connection that is alive but hears nothing from passing away. */
  async renew(connectionId: string): Promise<readonly Subscription[]> {
    const renewed: Subscription[] = []
    for await (const index of this.#keyed.query(`connections/${connectionId}`)) {
      const found = await this.get(index.sk, connectionId)
      if (found === undefined) continue
      const remainsMs = (index.expiresAtS ?? 0) * 1000 - this.#clock.nowMs()
      // One that is leased is written anyway, and its owner must find it as it was.
      if (remainsMs > LIFETIME_MS / 2 || found.lease !== undefined) {
        renewed.push(found)
        continue
      }
      await this.#keyed.put(this.#item(index), 'any')
      renewed.push((await this.replace(found, {})) ?? found)
    }
    return renewed
  }

  async end(channel: string, connectionId: string): Promise<void> {
    await this.#keyed.delete(`subscriptions/${channel}`, connectionId, 'any')
    await this.#keyed.delete(`connections/${connectionId}`, channel, 'any')
  }

  /** Ends all subscriptions of a closed connection. */
  async forget(connectionId: string): Promise<void> {
    for (const channel of await this.channelsOf(connectionId)) await this.end(channel, connectionId)
  }

  #itemOf({ channel, connectionId, rev, ...state }: Subscription): Item {
    const data = Buffer.from(JSON.stringify(state))
    return this.#item({ pk: `subscriptions/${channel}`, sk: connectionId, rev, data })
  }

  #item(item: Item): Item {
    return { ...item, expiresAtS: Math.ceil((this.#clock.nowMs() + LIFETIME_MS) / 1000) }
  }
}

export type NewSubscription = Omit<Subscription, 'rev' | 'told' | 'framedMs'>

/** A lease that is not given is given up. */
export type SubscriptionChange = Partial<Pick<Subscription, 'position' | 'told' | 'framedMs' | 'lease'>>

function read({ pk, sk, rev, data }: Item): Subscription {
  const state = JSON.parse(Buffer.from(data).toString()) as Omit<
    Subscription,
    'channel' | 'connectionId' | 'rev'
  >
  return { ...state, channel: pk.slice('subscriptions/'.length), connectionId: sk, rev }
}
