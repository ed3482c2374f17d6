import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { PolicyStatement, type Role } from 'aws-cdk-lib/aws-iam'
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type LifecycleRule,
  ObjectOwnership,
  StorageClass,
} from 'aws-cdk-lib/aws-s3'
import { Construct } from 'constructs'
import { acknowledge, acknowledgeWildcard, logicalId } from './nag.ts'
import type { Settings } from './settings.ts'

/** Prefixes of the object store, as lib/ uses them. */
export type Prefix =
  | 'master'
  | 'master/*/_manifests'
  | 'master/*/_symlinks'
  | 'models'
  | 'reference'
  | 'alerts'
  | 'large'
  | 'board'
  | 'batch'
  | 'trends'

/** The object store: the master, batch views, models, alert contents, records too large for the log, boards too large for an item. */
export class Master extends Construct {
  readonly bucket: Bucket

  constructor(scope: Construct, id: string, { settings }: { readonly settings: Settings }) {
    super(scope, id)
    this.bucket = new Bucket(this, 'Bucket', {
      encryption: BucketEncryption.S3_MANAGED,
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // Weir never deletes what a reader may need, but people and their scripts do.
      versioned: true,
      lifecycleRules: LIFECYCLE,
      removalPolicy: settings.disposable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    })
    acknowledge(this.bucket, {
      'AwsSolutions-S1':
        'Access logs would be a second bucket that grows with every read. CloudTrail data events log the same where it is asked for.',
    })
  }

  grantRead(role: Role, prefixes: readonly Prefix[]): void {
    this.#grant(role, ['s3:GetObject'], prefixes)
    // Without the right to list, a missing object answers "access denied" instead of "not found"; that question comes
    // without a prefix, hence IfExists.
    role.addToPolicy(
      new PolicyStatement({
        actions: ['s3:ListBucket'],
        resources: [this.bucket.bucketArn],
        conditions: { StringLikeIfExists: { 's3:prefix': prefixes.map((prefix) => `${prefix}/*`) } },
      }),
    )
  }

  grantWrite(role: Role, prefixes: readonly Prefix[]): void {
    this.#grant(role, ['s3:PutObject', 's3:DeleteObject'], prefixes)
  }

  #grant(role: Role, actions: string[], prefixes: readonly Prefix[]): void {
    const resources = prefixes.map((prefix) => this.bucket.arnForObjects(`${prefix}/*`))
    role.addToPolicy(new PolicyStatement({ actions, resources }))
    const bucket = logicalId(this.bucket)
    for (const prefix of prefixes)
      acknowledgeWildcard(role, `<${bucket}.Arn>/${prefix}/*`, 'A prefix that this function owns or reads.')
  }
}

const LIFECYCLE: LifecycleRule[] = [
  {
    id: 'parts-of-broken-uploads-and-deleted-versions',
    abortIncompleteMultipartUploadAfter: Duration.days(7),
    noncurrentVersionExpiration: Duration.days(30),
    expiredObjectDeleteMarker: true,
  },
  // A large board is replaced every few seconds.
  { id: 'replaced-boards', prefix: 'board/', noncurrentVersionExpiration: Duration.days(1) },
  // What trends have come to, where it is too large for an item: every minute another.
  { id: 'replaced-trends', prefix: 'trends/', noncurrentVersionExpiration: Duration.days(1) },
  {
    id: 'master-cools-down',
    prefix: 'master/',
    transitions: [{ storageClass: StorageClass.INTELLIGENT_TIERING, transitionAfter: Duration.days(30) }],
  },
]
