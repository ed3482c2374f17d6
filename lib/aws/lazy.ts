import type { EventLog } from '../ports/event-log.ts'
import type { KeyedStore } from '../ports/keyed-store.ts'
import type { ObjectStore } from '../ports/object-store.ts'
import type { Publisher } from '../ports/publisher.ts'

/**
 * Ports that open at their first use: a function that only reads objects pays neither for importing a Kafka client nor
 * for configuring one. What opening throws, the first call and every later one rejects with; closing opens nothing.
 */
interface Closable {
  close(): Promise<void>
}

class Opening<T extends Closable> {
  readonly #open: () => Promise<T>
  #opened: Promise<T> | undefined

  constructor(open: () => Promise<T>) {
    this.#open = open
  }

  get(): Promise<T> {
    this.#opened ??= this.#open()
    return this.#opened
  }

  async close(): Promise<void> {
    const opened = await this.#opened?.catch(() => undefined)
    await opened?.close()
  }
}

export function lazyEventLog(maxBatchBytes: number, open: () => Promise<EventLog>): EventLog {
  const opening = new Opening(open)
  return {
    maxBatchBytes,
    createTopic: async (...args) => (await opening.get()).createTopic(...args),
    describeTopic: async (...args) => (await opening.get()).describeTopic(...args),
    addPartitions: async (...args) => (await opening.get()).addPartitions(...args),
    append: async (...args) => (await opening.get()).append(...args),
    read: async (...args) => (await opening.get()).read(...args),
    offsets: async (...args) => (await opening.get()).offsets(...args),
    fence: async (...args) => (await opening.get()).fence(...args),
    close: () => opening.close(),
  }
}

export function lazyKeyedStore(maxItemBytes: number, open: () => Promise<KeyedStore>): KeyedStore {
  const opening = new Opening(open)
  return {
    maxItemBytes,
    get: async (...args) => (await opening.get()).get(...args),
    put: async (...args) => (await opening.get()).put(...args),
    transact: async (...args) => (await opening.get()).transact(...args),
    async *query(...args) {
      yield* (await opening.get()).query(...args)
    },
    delete: async (...args) => (await opening.get()).delete(...args),
    close: () => opening.close(),
  }
}

export function lazyObjectStore(open: () => Promise<ObjectStore>): ObjectStore {
  const opening = new Opening(open)
  return {
    put: async (...args) => (await opening.get()).put(...args),
    get: async (...args) => (await opening.get()).get(...args),
    head: async (...args) => (await opening.get()).head(...args),
    async *list(...args) {
      yield* (await opening.get()).list(...args)
    },
    delete: async (...args) => (await opening.get()).delete(...args),
    uri: async (...args) => (await opening.get()).uri?.(...args),
    close: () => opening.close(),
  }
}

export function lazyPublisher(maxFrameBytes: number, open: () => Promise<Publisher>): Publisher {
  const opening = new Opening(open)
  return {
    maxFrameBytes,
    send: async (...args) => (await opening.get()).send(...args),
    close: () => opening.close(),
  }
}
