import { PortError } from '../ports/errors.ts'
import type {
  ObjectCondition,
  ObjectInfo,
  ObjectPutResult,
  ObjectStore,
  StoredObject,
} from '../ports/object-store.ts'

export interface FolderStoreOptions {
  /** 'always': a put survives a power cut. 'never': it survives a killed process. */
  readonly fsync?: 'always' | 'never'
}

const unbuilt = () => Promise.reject(new PortError('UNAVAILABLE', 'not built yet', { curable: false }))

export class FolderStore implements ObjectStore {
  static async open(_dir: string, _options: FolderStoreOptions = {}): Promise<FolderStore> {
    return new FolderStore()
  }

  /** Where the object's bytes lie, for engines that read files themselves (DuckDB). */
  path(_key: string): string {
    throw new PortError('UNAVAILABLE', 'not built yet', { curable: false })
  }
  put(_key: string, _bytes: Uint8Array, _condition: ObjectCondition = 'any'): Promise<ObjectPutResult> {
    return unbuilt()
  }
  get(_key: string, _range?: { start: number; end: number }): Promise<StoredObject | undefined> {
    return unbuilt()
  }
  head(_key: string): Promise<ObjectInfo | undefined> {
    return unbuilt()
  }
  async *list(_prefix: string): AsyncIterable<ObjectInfo> {}
  delete(_key: string): Promise<void> {
    return unbuilt()
  }
  close(): Promise<void> {
    return unbuilt()
  }
}
