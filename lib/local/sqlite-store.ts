import type { Clock } from '../ports/clock.ts'
import { PortError } from '../ports/errors.ts'
import type {
  Condition,
  ConditionalPut,
  Item,
  KeyedStore,
  PutResult,
  QueryRange,
  TransactResult,
} from '../ports/keyed-store.ts'

export interface SqliteStoreOptions {
  readonly clock?: Pick<Clock, 'nowMs'>
  /** 'checkpoint' (default): survives a killed process. 'always': survives a power cut as well. */
  readonly fsync?: 'always' | 'checkpoint'
}

const unbuilt = () => Promise.reject(new PortError('UNAVAILABLE', 'not built yet', { curable: false }))

export class SqliteStore implements KeyedStore {
  readonly maxItemBytes = 390_000

  static async open(_path: string, _options: SqliteStoreOptions = {}): Promise<SqliteStore> {
    return new SqliteStore()
  }

  get(_pk: string, _sk: string): Promise<Item | undefined> {
    return unbuilt()
  }
  put(_item: Item, _condition: Condition): Promise<PutResult> {
    return unbuilt()
  }
  transact(_puts: readonly ConditionalPut[]): Promise<TransactResult> {
    return unbuilt()
  }
  async *query(_pk: string, _range: QueryRange = {}): AsyncIterable<Item> {}
  delete(_pk: string, _sk: string, _condition: Condition): Promise<boolean> {
    return unbuilt()
  }
  close(): Promise<void> {
    return unbuilt()
  }
}
