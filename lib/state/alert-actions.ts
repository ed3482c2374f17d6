import { createHash } from 'node:crypto'
import type { Clock } from '../ports/clock.ts'
import type { Item, KeyedStore } from '../ports/keyed-store.ts'

/** Groups that nobody wants to hear of for now. */
export interface Suppression {
  /** A group, or a pattern of groups in which `*` stands for any text. */
  readonly group: string
  readonly note?: string
  readonly sinceMs: number
  /** It ends then; without it, when somebody ends it. */
  readonly untilMs?: number
}

/** What somebody did about an incident. */
export interface IncidentMark {
  readonly state: 'acknowledged' | 'closed'
  readonly note?: string
  readonly atMs: number
  /** Event time of the last alert of the incident that was known then. */
  readonly lastSeenMs: number
  /**
   * Cursor of the alert log up to which alerts were known then: any of the incident behind it opens it again when closed,
   * whatever its event time. Marks of old have none: what comes after `lastSeenMs` opens those.
   */
  readonly cursor?: string
}

export const GROUP_CHARS_MAX = 300
export const NOTE_CHARS_MAX = 1000
/** They are read together, and each alert is held against every pattern. */
const SUPPRESSIONS_MAX = 1000
/** Marks outlive what anybody looks at, and go in the end. */
const MARK_LIFETIME_MS = 400 * 86_400_000

/**
 * What operators do to the alerts of a stream: `alert-actions/<stream>`, apart from the alerts, which never change. The last
 * word about a group or an incident holds.
 */
export class AlertActions {
  readonly #pk: string
  readonly #keyed: KeyedStore
  readonly #clock: Pick<Clock, 'nowMs'>

  constructor(stream: string, { keyed, clock }: { keyed: KeyedStore; clock: Pick<Clock, 'nowMs'> }) {
    this.#pk = `alert-actions/${stream}`
    this.#keyed = keyed
    this.#clock = clock
  }

  /** Throws a RangeError for a group or note that is too long, and where there are 1,000 suppressions. */
  async suppress(group: string, about: Pick<Suppression, 'note' | 'untilMs'> = {}): Promise<void> {
    if (group === '' || group.length > GROUP_CHARS_MAX)
      throw new RangeError(`a group has 1 to ${GROUP_CHARS_MAX} characters, got ${group.length}`)
    checkNote(about.note)
    const others = (await this.suppressions()).filter((other) => other.group !== group)
    if (others.length >= SUPPRESSIONS_MAX)
      throw new RangeError(
        `there are ${SUPPRESSIONS_MAX} suppressions: use a pattern such as "scanning from *"`,
      )
    await this.#put(suppressionKey(group), { group, ...about, sinceMs: this.#clock.nowMs() }, about.untilMs)
  }

  /** False where the group was not suppressed in these very words. */
  async unsuppress(group: string): Promise<boolean> {
    const holds = (await this.suppressions()).some((one) => one.group === group)
    return holds && this.#keyed.delete(this.#pk, suppressionKey(group), 'any')
  }

  /** Those that hold now, the oldest first. */
  async suppressions(): Promise<readonly Suppression[]> {
    const nowMs = this.#clock.nowMs()
    const found: Suppression[] = []
    for await (const item of this.#keyed.query(this.#pk, { from: 'suppress/', to: 'suppress0' })) {
      const suppression = parsed<Suppression>(item)
      if ((suppression.untilMs ?? Number.POSITIVE_INFINITY) > nowMs) found.push(suppression)
    }
    return found.sort((a, b) => a.sinceMs - b.sinceMs)
  }

  /** Throws a RangeError for a note that is too long. */
  async mark(id: string, mark: Omit<IncidentMark, 'atMs'>): Promise<IncidentMark> {
    checkNote(mark.note)
    const atMs = this.#clock.nowMs()
    const kept = { ...mark, atMs }
    await this.#put(markKey(id), kept, atMs + MARK_LIFETIME_MS)
    return kept
  }

  async markOf(id: string): Promise<IncidentMark | undefined> {
    const item = await this.#keyed.get(this.#pk, markKey(id))
    return item && parsed<IncidentMark>(item)
  }

  /** Takes the mark away. False where there was none. */
  async unmark(id: string): Promise<boolean> {
    if ((await this.markOf(id)) === undefined) return false
    return this.#keyed.delete(this.#pk, markKey(id), 'any')
  }

  async #put(sk: string, value: object, untilMs: number | undefined): Promise<void> {
    const data = Buffer.from(JSON.stringify(value))
    const expires = untilMs === undefined ? {} : { expiresAtS: Math.ceil(untilMs / 1000) }
    await this.#keyed.put({ pk: this.#pk, sk, rev: '1', data, ...expires }, 'any')
  }
}

/** Whether a suppression of these groups or patterns takes in a group. */
export function suppressing(groups: readonly string[]): (group: string) => boolean {
  const exact = new Set(groups.filter((group) => !group.includes('*')))
  const patterns = groups.filter((group) => group.includes('*')).map((group) => group.split('*'))
  return (group) => exact.has(group) || patterns.some((parts) => matches(parts, group))
}

/** By hand, as a regular expression of many stars may take for ever. */
function matches(parts: readonly string[], text: string): boolean {
  const [first = '', ...rest] = parts
  const last = rest.pop() ?? ''
  if (!text.startsWith(first)) return false
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return text.length - last.length >= at && text.endsWith(last)
}

/** Groups are of any length in UTF-8: a sort key is not. */
function suppressionKey(group: string): string {
  return `suppress/${createHash('sha256').update(group).digest('hex').slice(0, 32)}`
}

function markKey(id: string): string {
  return `incident/${id}`
}

function checkNote(note: string | undefined): void {
  if (note !== undefined && note.length > NOTE_CHARS_MAX)
    throw new RangeError(`a note has at most ${NOTE_CHARS_MAX} characters, got ${note.length}`)
}

function parsed<T>({ data }: Item): T {
  return JSON.parse(Buffer.from(data).toString()) as T
}
