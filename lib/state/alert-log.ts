import { createHash } from 'node:crypto'
import { PortError } from '../ports/errors.ts'
import type { ConditionalPut, Item } from '../ports/keyed-store.ts'
import type { Ports } from '../ports/ports.ts'
import type { Alert } from '../stream/alert.ts'
import type { AlertPosition } from './alert-cursor.ts'
import { decodePage, encodePage, type PageHead, packAlerts, unpackAlerts } from './alert-page.ts'
import { padded } from './padded.ts'

/** Above it a page's alerts are an object and the item points to it: an item is read and paid for by its size. */
const INLINE_BYTES_MAX = 32 * 1024
/** One page is lost to one other writer at a time, so this many losses in a row mean something else is wrong. */
const RACES_MAX = 200
const CACHE_BYTES_MAX = 16 * 1024 * 1024

/** Where the log ends: the number the next page gets, and how many alerts lie before it. */
export interface LogEnd {
  readonly page: number
  readonly total: number
}

/**
 * All alerts of a stream in one order: pages 0, 1, 2, ... without a gap, each the alerts of one batch, written once and
 * never changed. A page is put only under the condition that it is absent, by a writer that has seen the one before it;
 * so a reader that stands behind the last page can miss nothing (rule 11 of docs/exactness.md).
 *
 * What operators do to alerts (acknowledge, close, suppress) is kept apart, under `alert-actions/<stream>`.
 */
export class AlertLog {
  readonly stream: string
  readonly #ports: Pick<Ports, 'keyed' | 'objects' | 'clock'>
  readonly #pk: string
  /** An end the log has had: it can only have grown. */
  #end: LogEnd | undefined
  readonly #cache = new Map<number, CachedPage>()
  #cachedBytes = 0

  constructor(stream: string, ports: Pick<Ports, 'keyed' | 'objects' | 'clock'>) {
    this.stream = stream
    this.#ports = ports
    this.#pk = `alerts/${stream}`
  }

  /**
   * Appends one page, in one transaction with `commits`: the put of the progress that accounts for these alerts, or the
   * marks that they are raised (raise-once.ts), at most 99. 'moved': one of their conditions did not hold and nothing was
   * written. After a rejection either all of it has happened or nothing.
   */
  async append(alerts: readonly Alert[], ...commits: readonly ConditionalPut[]): Promise<'done' | 'moved'> {
    const { packed, sizeBytes } = packAlerts(alerts)
    let objectKey: string | undefined
    for (let race = 0; race < RACES_MAX; race++) {
      const { page, total } = this.#end ?? (await this.end())
      if (packed.length > INLINE_BYTES_MAX) objectKey ??= await this.#putObject(page, packed)
      const storedMs = this.#ports.clock.nowMs()
      const count = alerts.length
      const head: PageHead = { count, total: total + count, storedMs, ...(objectKey && { objectKey }) }
      const item = { pk: this.#pk, sk: padded(page), rev: '1', data: encodePage(head, packed) }
      const result = await this.#ports.keyed.transact([{ item, condition: 'absent' }, ...commits])
      if (result.ok) {
        this.#grow({ page: page + 1, total: head.total })
        this.#keep(page, { alerts, sizeBytes })
        return 'done'
      }
      if (result.failed.some((index) => index > 0)) return 'moved'
      await this.end()
    }
    throw new PortError('UNAVAILABLE', `${this.#pk}: lost ${RACES_MAX} pages in a row to other writers`, {
      curable: true,
    })
  }

  /** Where the log ends now: every page whose append resolved before this call lies before it. */
  async end(): Promise<LogEnd> {
    const { keyed } = this.#ports
    if (this.#end === undefined) {
      for await (const { sk, data } of keyed.query(this.#pk, { descending: true, limit: 1 }))
        this.#grow({ page: Number(sk) + 1, total: decodePage(data).head.total })
      this.#end ??= { page: 0, total: 0 }
      return this.#end
    }
    let next = this.#end.page
    for await (const { sk, data } of keyed.query(this.#pk, { from: padded(next) })) {
      // A query over several reads may find a page and not the one before it, if both came in between.
      if (Number(sk) !== next) break
      next++
      this.#grow({ page: next, total: decodePage(data).head.total })
    }
    return this.#end
  }

  /** The alerts of a page in order; undefined where the log has no such page yet. */
  async page(number: number): Promise<readonly Alert[] | undefined> {
    const cached = this.#cache.get(number)
    if (cached !== undefined) return cached.alerts
    const item = await this.#item(number)
    if (item === undefined) return undefined
    const { head, packed } = decodePage(item.data)
    const { objectKey } = head
    const page = unpackAlerts(objectKey === undefined ? packed : await this.#object(objectKey))
    this.#keep(number, page)
    return page.alerts
  }

  /** Where the alerts stored at `timeMs` or later begin, as exactly as the clocks of the writers agree. */
  async positionAt(timeMs: number): Promise<AlertPosition> {
    let from = 0
    let to = (await this.end()).page
    while (from < to) {
      const middle = Math.floor((from + to) / 2)
      const item = await this.#item(middle)
      if (item !== undefined && decodePage(item.data).head.storedMs < timeMs) from = middle + 1
      else to = middle
    }
    return { page: from, index: 0 }
  }

  #item(number: number): Promise<Item | undefined> {
    return this.#ports.keyed.get(this.#pk, padded(number))
  }

  /** Named by its content, so that the same batch tried again writes the same object. */
  async #putObject(page: number, packed: Uint8Array): Promise<string> {
    const digest = createHash('sha256').update(packed).digest('hex').slice(0, 32)
    const key = `${this.#pk}/${padded(page)}-${digest}`
    await this.#ports.objects.put(key, packed, 'absent')
    return key
  }

  async #object(key: string): Promise<Uint8Array> {
    const stored = await this.#ports.objects.get(key)
    if (stored === undefined)
      throw new PortError('CORRUPT', `${this.#pk}: the object ${key} of a page is missing`, {
        curable: false,
      })
    return stored.bytes
  }

  #grow(end: LogEnd): void {
    if (this.#end === undefined || end.page > this.#end.page) this.#end = end
  }

  /** Pages never change, so what was read once stays true; the oldest read goes first. */
  #keep(number: number, page: CachedPage): void {
    if (this.#cache.has(number)) return
    this.#cache.set(number, page)
    this.#cachedBytes += page.sizeBytes
    for (const [oldest, { sizeBytes }] of this.#cache) {
      if (this.#cachedBytes <= CACHE_BYTES_MAX || oldest === number) break
      this.#cache.delete(oldest)
      this.#cachedBytes -= sizeBytes
    }
  }
}

interface CachedPage {
  readonly alerts: readonly Alert[]
  readonly sizeBytes: number
}
