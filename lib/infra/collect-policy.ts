import { CfnOutput } from 'aws-cdk-lib'
import { ManagedPolicy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import type { KafkaCluster } from './cluster.ts'
import { appendRights, fencingRights, tailRights } from './kafka-rights.ts'
import type { Master } from './master.ts'
import { acknowledgeWildcard, logicalId } from './nag.ts'
import type { Store } from './store.ts'
import type { StreamTopics } from './stream-topics.ts'

export interface CollectPolicyProps {
  readonly site: string
  readonly stream: string
  readonly cluster: KafkaCluster
  readonly topics: StreamTopics
  readonly store: Store
  readonly master: Master
}

/** Lists of a run's sources, and records too large for the log. */
const OBJECTS = ['runs', 'large'] as const

/**
 * For the role of a machine that collects a stream or puts its dead letters in again: they alone fence (rule 12). No
 * function of Weir carries it; whoever gives such a machine its role attaches it there.
 */
export class CollectPolicy extends Construct {
  readonly policy: ManagedPolicy

  constructor(scope: Construct, id: string, props: CollectPolicyProps) {
    super(scope, id)
    const { site, stream, cluster, topics, store, master } = props
    // Runs are named when they begin; the retry of dead letters has one name for ever.
    const names = [`weir/${site}/${stream}/*`, `weir/${site}/retry/${stream}`]
    const objects = OBJECTS.map((prefix) => `${prefix}/${stream}/*`)
    this.policy = new ManagedPolicy(this, 'Policy', {
      managedPolicyName: `weir-${site}-${stream}-collect`,
      description: `To collect ${stream}, and to put its dead letters in again`,
      statements: [
        ...appendRights(cluster, topics.raw),
        ...tailRights(cluster, topics.raw),
        ...fencingRights(cluster, names),
        new PolicyStatement({
          actions: ['s3:GetObject', 's3:PutObject'],
          resources: objects.map((object) => master.bucket.arnForObjects(object)),
        }),
      ],
    })
    store.grantUse(this.policy)
    const bucket = logicalId(master.bucket)
    for (const object of objects)
      acknowledgeWildcard(
        this.policy,
        `<${bucket}.Arn>/${object}`,
        'Objects of this stream, by run or record.',
      )
    acknowledgeWildcard(
      this.policy,
      cluster.shownArnOf('transactional-id', names[0] ?? ''),
      'Runs of this stream.',
    )
    new CfnOutput(this, 'Arn', { value: this.policy.managedPolicyArn })
  }
}
