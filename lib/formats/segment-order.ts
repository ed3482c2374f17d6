/**
 * Keys of batch segments are in the order of (hash, key): whatever number of buckets a chunk is cut into, each bucket is
 * one stretch of that order, so that segments of any size merge as streams.
 */

/** What one bucket holds about; a chunk of less is one bucket. */
const BUCKET_KEYS = 4096
const BUCKET_ROWS = 131_072

/** A stable 32-bit hash of a key's UTF-16 units: FNV-1a, then murmur3's finaliser, which spreads it over the high bits. */
export function keyHash(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/** Below 0, 0 or above 0, as the first key comes before the second, is it, or comes after it. */
export function compareKeys(aHash: number, a: string, bHash: number, b: string): number {
  if (aHash !== bHash) return aHash - bHash
  return a < b ? -1 : a > b ? 1 : 0
}

/** Into how many buckets a chunk of so many keys and rows (key and slot) is cut: a power of two. */
export function bucketCount(keys: number, rows: number): number {
  let buckets = 1
  while (buckets * BUCKET_KEYS < keys || buckets * BUCKET_ROWS < rows) buckets *= 2
  return buckets
}

/** Which of `buckets` a key with this hash is in: by the high bits, so that buckets are in the order of the keys. */
export function bucketOf(hash: number, buckets: number): number {
  return Math.floor(hash / (0x1_0000_0000 / buckets))
}
