import type { ObjectInfo } from '../ports/object-store.ts'

/**
 * The two answers of S3 that are XML, read without a parser: their elements are flat, without attributes or CDATA, and
 * Weir's keys have no character that XML escapes but the apostrophe.
 * Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
 */
export interface Listing {
  readonly objects: readonly ObjectInfo[]
  readonly nextToken: string | undefined
}

export function readListing(xml: string): Listing {
  const objects = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, contents = '']) => ({
    key: text(contents, 'Key') ?? '',
    etag: text(contents, 'ETag') ?? '',
    sizeBytes: Number(text(contents, 'Size')),
    modifiedMs: Date.parse(text(contents, 'LastModified') ?? ''),
  }))
  const truncated = text(xml, 'IsTruncated') === 'true'
  return { objects, nextToken: truncated ? text(xml, 'NextContinuationToken') : undefined }
}

/** The code in an error document; empty where there is none, as after HEAD. */
export function readErrorCode(xml: string): string {
  return text(xml, 'Code') ?? ''
}

function text(xml: string, element: string): string | undefined {
  const found = new RegExp(`<${element}>([^<]*)</${element}>`).exec(xml)?.[1]
  return found?.replace(/&(#x[0-9a-fA-F]+|#\d+|quot|apos|lt|gt|amp);/g, (_, name: string) =>
    unescapeXml(name),
  )
}

function unescapeXml(name: string): string {
  if (name.startsWith('#x')) return String.fromCodePoint(Number.parseInt(name.slice(2), 16))
  if (name.startsWith('#')) return String.fromCodePoint(Number(name.slice(1)))
  return { quot: '"', apos: "'", lt: '<', gt: '>', amp: '&' }[name] ?? ''
}
