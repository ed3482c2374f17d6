/**
 * Where a record was first appended. Together with its site this is a record's identity: it never changes, however
 * often the record is delivered (docs/exactness.md, rule 1).
 */
export interface Origin {
  readonly site: string
  /** Raw topic with its generation, e.g. `network.raw.g1`. */
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

/** A record's id: `site/topic/partition/offset`. */
export function recordId(origin: Origin): string {
  return `${origin.site}/${origin.topic}/${origin.partition}/${origin.offset}`
}

/** The origin an id was made from. Throws on anything else. */
export function parseRecordId(id: string): Origin {
  const match = /^([^/]+)\/([^/]+)\/(\d+)\/(\d+)$/.exec(id)
  if (match === null)
    throw new Error(`not a record id: ${JSON.stringify(id)} (expected site/topic/partition/offset)`)
  return {
    site: match[1] as string,
    topic: match[2] as string,
    partition: Number(match[3]),
    offset: Number(match[4]),
  }
}
