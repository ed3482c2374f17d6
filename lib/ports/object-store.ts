/**
 * Whole objects under slash-separated keys, with conditional puts: S3, or a folder on one machine.
 *
 * Contract, proven by test/contracts/object-store.ts on every implementation:
 * - A put is atomic: a reader sees the old bytes or the new, never a part. Durable when it resolves.
 * - Reads and lists see every put that resolved before they began.
 * - `etag` changes whenever the bytes do, and may change when the same bytes are put again. A conditional put that does
 *   not hold writes nothing.
 * - A put that rejects may have happened: a failed condition may be one's own success, so re-read (rule 10).
 * - Keys are 1 to 900 bytes of [A-Za-z0-9!_.*'()=/-], no empty, `.` or `..` segment; others reject with BAD_KEY. No key
 *   may be another's folder (`a` and `a/b`): callers see to it, a folder rejects it with BAD_KEY.
 * - Nothing may be called after `close`, but for `close` itself, which then does nothing.
 */
export interface ObjectStore {
  put(key: string, bytes: Uint8Array, condition?: ObjectCondition): Promise<ObjectPutResult>
  /** The object, or `range` of it (end exclusive, cut at the object's end). Undefined where there is none. */
  get(
    key: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<StoredObject | undefined>
  head(key: string): Promise<ObjectInfo | undefined>
  /** Every object whose key starts with `prefix`, in ascending order of key. */
  list(prefix: string): AsyncIterable<ObjectInfo>
  /** Does nothing where there is none. */
  delete(key: string): Promise<void>
  /**
   * Where programs that read the store themselves find the object under a key, there or not: s3://bucket/key, file:///...
   * Absent, or undefined, where there is no such name.
   */
  uri?(key: string): Promise<string | undefined>
  close(): Promise<void>
}

/** 'absent': no object may stand under the key. `{ etag }`: it must stand with this etag. 'any' (default): always. */
export type ObjectCondition = 'any' | 'absent' | { readonly etag: string }

export type ObjectPutResult = { readonly ok: true; readonly etag: string } | { readonly ok: false }

export interface StoredObject {
  readonly bytes: Uint8Array
  readonly etag: string
}

export interface ObjectInfo {
  readonly key: string
  readonly etag: string
  readonly sizeBytes: number
  readonly modifiedMs: number
}
