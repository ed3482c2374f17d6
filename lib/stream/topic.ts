/** The kinds of topic a stream has. Partition p of `enriched` holds what became of partition p of `raw`, in order. */
export type TopicKind = 'raw' | 'enriched'

/**
 * The name of a stream's topic: `network.raw.g1`. The generation is part of the name, so a topic deleted and made
 * again under the next generation never mixes its offsets with the old one's (docs/exactness.md, rule 1).
 */
export function topicName(stream: string, kind: TopicKind, generation = 1): string {
  return `${stream}.${kind}.g${generation}`
}

/** The twin of a raw topic: where `score` writes what it decided about it. */
export function enrichedTwin(rawTopic: string): string {
  const { stream, kind, generation } = parseTopic(rawTopic)
  if (kind !== 'raw') throw new Error(`${rawTopic} is not a raw topic`)
  return topicName(stream, 'enriched', generation)
}

/** The parts of a topic name. Throws on a name that no `topicName` made. */
export function parseTopic(name: string): { stream: string; kind: TopicKind; generation: number } {
  const match = /^([a-z][a-z0-9-]*)\.(raw|enriched)\.g(\d+)$/.exec(name)
  if (match === null)
    throw new Error(
      `not a Weir topic: ${JSON.stringify(name)} (expected stream.raw.gN or stream.enriched.gN)`,
    )
  return { stream: match[1] as string, kind: match[2] as TopicKind, generation: Number(match[3]) }
}
