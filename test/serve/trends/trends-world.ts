import type { Ports } from '../../../lib/ports/ports.ts'
import { TrendsCloser } from '../../../lib/serve/trends/close.ts'
import { trendingView } from '../../../lib/serve/trends/trending-view.ts'
import { countStage } from '../../../lib/speed/count.ts'
import { AlertLog } from '../../../lib/state/alert-log.ts'
import type { Alert } from '../../../lib/stream/alert.ts'
import type { Stream } from '../../../lib/stream/define.ts'
import { type Entry, writeEntry } from '../../../lib/stream/entry.ts'
import { topicName } from '../../../lib/stream/topic.ts'
import { posts } from '../../../streams/posts.ts'
import { TestClock } from '../../master/local-world.ts'
import { MemoryObjects } from '../../master/memory-objects.ts'
import { MemoryKeyed } from '../../support/memory-keyed.ts'
import { testPorts } from '../../support/ports.ts'

export const PARTITIONS = 3
/** Its view `trending` alone: what the others count is tested elsewhere. */
const { trending } = posts.views
if (trending === undefined) throw new Error('posts has no view trending')
export const trendingPosts: Stream = { ...posts, partitions: PARTITIONS, views: { trending } }

export interface Post {
  readonly eventTimeMs: number
  readonly tags: readonly string[]
  /** Its fate; `ok` by default. */
  readonly dead?: boolean
}

/** Posts that are counted by hand, on stores in memory. */
export class TrendsWorld {
  readonly clock = new TestClock()
  readonly keyed = new MemoryKeyed()
  readonly objects = new MemoryObjects()
  readonly sent: { readonly to: string; readonly frame: string }[] = []
  readonly gone = new Set<string>()
  readonly ports: Ports
  readonly #offsets = new Map<number, number>()

  constructor() {
    const { keyed, objects, clock } = this
    const publisher = {
      maxFrameBytes: 32_768,
      send: async (to: string, frame: string) => {
        if (this.gone.has(to)) return 'gone' as const
        this.sent.push({ to, frame })
        return 'sent' as const
      },
      close: async () => undefined,
    }
    this.ports = { ...testPorts({ keyed, objects }), clock, publisher }
  }

  /** Counts a batch of a partition, appended now. */
  async count(partition: number, batch: readonly Post[]): Promise<void> {
    const stage = countStage(trendingPosts, this.ports)
    const topic = topicName('posts', 'enriched')
    const from = this.#offsets.get(partition) ?? 0
    const entries = batch.map((post, i) => {
      const text = writeEntry(this.#entry(partition, from + i, post))
      return { offset: from + i, origin: from + i, text }
    })
    const next = from + batch.length
    const progress = { nextOffset: next, highestOrigin: next - 1 }
    const loaded = await stage.load(topic, partition)
    const result = await stage.apply({ topic, partition, entries, progress }, loaded)
    if (result !== 'done') throw new Error('count moved')
    this.#offsets.set(partition, next)
  }

  closer(stores: Partial<Pick<Ports, 'keyed' | 'objects'>> = {}): TrendsCloser {
    const ports = { ...this.ports, ...stores }
    const view = trendingView(trendingPosts)
    if (view === undefined) throw new Error('no view trending')
    const log = new AlertLog('posts', ports)
    return new TrendsCloser({ ports, stream: 'posts', partitions: PARTITIONS, view, log })
  }

  async alerts(): Promise<readonly Alert[]> {
    const log = new AlertLog('posts', this.ports)
    const { page: end } = await log.end()
    const alerts: Alert[] = []
    for (let page = 0; page < end; page++) alerts.push(...((await log.page(page)) ?? []))
    return alerts
  }

  #entry(partition: number, offset: number, { eventTimeMs, tags, dead }: Post): Entry {
    const topic = topicName('posts', 'raw')
    const head = { site: 'here', topic, partition, offset, appendTime: this.clock.ms, eventTime: eventTimeMs }
    if (dead === true) return { ...head, outcome: 'dead', stage: 'parse', reason: 'no', raw: '' }
    const value = { username: 'u', tweetid: String(offset), tweet: '', hashtags: [...tags] }
    return { ...head, outcome: 'ok', value }
  }
}
