import { sha256Of } from '../../lib/master/manifest-store.ts'
import type {
  ObjectCondition,
  ObjectInfo,
  ObjectPutResult,
  ObjectStore,
} from '../../lib/ports/object-store.ts'

/** Objects in memory, for tests that decide when each request takes place and what becomes of its answer. */
export class MemoryObjects implements ObjectStore {
  readonly held = new Map<string, { bytes: Uint8Array; modifiedMs: number }>()
  nowMs = 0

  async put(key: string, bytes: Uint8Array, condition: ObjectCondition = 'any'): Promise<ObjectPutResult> {
    const stands = this.held.get(key)
    if (condition === 'absent' && stands !== undefined) return { ok: false }
    if (typeof condition === 'object' && (stands === undefined || sha256Of(stands.bytes) !== condition.etag))
      return { ok: false }
    this.held.set(key, { bytes: Uint8Array.from(bytes), modifiedMs: this.nowMs })
    return { ok: true, etag: sha256Of(bytes) }
  }

  async get(key: string, range?: { readonly start: number; readonly end: number }) {
    const stands = this.held.get(key)
    if (stands === undefined) return undefined
    const { bytes } = stands
    return { bytes: Uint8Array.from(bytes.subarray(range?.start ?? 0, range?.end)), etag: sha256Of(bytes) }
  }

  async head(key: string): Promise<ObjectInfo | undefined> {
    const stands = this.held.get(key)
    return stands === undefined ? undefined : this.#info(key, stands)
  }

  async *list(prefix: string): AsyncGenerator<ObjectInfo> {
    for (const [key, stands] of [...this.held].sort(([a], [b]) => (a < b ? -1 : 1)))
      if (key.startsWith(prefix)) yield this.#info(key, stands)
  }

  async delete(key: string): Promise<void> {
    this.held.delete(key)
  }

  async close(): Promise<void> {}

  #info(key: string, { bytes, modifiedMs }: { bytes: Uint8Array; modifiedMs: number }): ObjectInfo {
    return { key, etag: sha256Of(bytes), sizeBytes: bytes.length, modifiedMs }
  }
}
