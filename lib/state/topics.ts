import { PortError } from '../ports/errors.ts'
import type { TopicInfo } from '../ports/event-log.ts'
import type { Ports } from '../ports/ports.ts'

/**
 * Checks that a topic is the one that Weir first met under its name (docs/exactness.md, rule 1): offsets of a topic that
 * was deleted and made again mean other records, and must not be taken for the old ones.
 */
export async function checkedTopic(ports: Ports, topic: string): Promise<TopicInfo> {
  const info = await ports.log.describeTopic(topic)
  if (info === undefined)
    throw new PortError(
      'NO_SUCH_TOPIC',
      `topic ${topic} does not exist: create it, or deploy the stream again`,
      {
        curable: true,
      },
    )
  const data = Buffer.from(info.id)
  const result = await ports.keyed.put({ pk: 'topic', sk: topic, rev: info.id, data }, 'absent')
  if (!result.ok && result.current?.rev !== info.id)
    throw new PortError(
      'MISCONFIGURED',
      `topic ${topic} was deleted and made again (id ${info.id}, before ${result.current?.rev}): ` +
        'raise the generation in its name, see "A topic was recreated" in docs/operations.md',
      { curable: false },
    )
  return info
}
