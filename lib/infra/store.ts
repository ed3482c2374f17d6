import { RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb'
import type { IGrantable } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import type { Settings } from './settings.ts'

/** What lib/aws calls, and no more: grantReadWriteData would add Scan. Transactions are of puts, and need their right. */
const ACTIONS = ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:DeleteItem', 'dynamodb:Query']

const READ_ACTIONS = ['dynamodb:GetItem', 'dynamodb:Query']

/** The keyed store: one table for progress, boards, alerts, models and connections. */
export class Store extends Construct {
  readonly table: Table

  constructor(scope: Construct, id: string, { settings }: { readonly settings: Settings }) {
    super(scope, id)
    this.table = new Table(this, 'Table', {
      partitionKey: { name: 'pk', type: AttributeType.STRING },
      sortKey: { name: 'sk', type: AttributeType.STRING },
      timeToLiveAttribute: 'expiresAtS',
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: !settings.disposable,
      removalPolicy: settings.disposable ? RemovalPolicy.DESTROY : RemovalPolicy.RETAIN,
    })
  }

  grantUse(grantee: IGrantable): void {
    this.table.grant(grantee, ...ACTIONS)
  }

  grantRead(grantee: IGrantable): void {
    this.table.grant(grantee, ...READ_ACTIONS)
  }
}
