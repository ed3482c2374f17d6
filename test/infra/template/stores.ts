import { expect, test } from 'vitest'
import { ofType, type Resource, resourcesWith } from './synth.ts'

const kept = resourcesWith()

function only(type: string, resources: Record<string, Resource> = kept): Resource {
  const found = ofType(resources, type)
  expect(found).toHaveLength(1)
  return found[0]?.[1] as Resource
}

test('the table is what the keyed store port needs, and survives people', () => {
  const table = only('AWS::DynamoDB::Table')
  expect(table.Properties).toMatchObject({
    KeySchema: [
      { AttributeName: 'pk', KeyType: 'HASH' },
      { AttributeName: 'sk', KeyType: 'RANGE' },
    ],
    BillingMode: 'PAY_PER_REQUEST',
    TimeToLiveSpecification: { AttributeName: 'expiresAtS', Enabled: true },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    DeletionProtectionEnabled: true,
  })
  expect(table.DeletionPolicy).toBe('Retain')
})

test('the bucket is closed to the world, encrypted, TLS only, and no current object of it ever expires', () => {
  const bucket = only('AWS::S3::Bucket')
  expect(bucket.DeletionPolicy).toBe('Retain')
  expect(bucket.Properties).toMatchObject({
    VersioningConfiguration: { Status: 'Enabled' },
    PublicAccessBlockConfiguration: {
      BlockPublicAcls: true,
      BlockPublicPolicy: true,
      IgnorePublicAcls: true,
      RestrictPublicBuckets: true,
    },
  })
  expect(JSON.stringify(bucket.Properties.BucketEncryption)).toContain('AES256')
  const { Rules } = bucket.Properties.LifecycleConfiguration as { Rules: readonly Record<string, unknown>[] }
  for (const rule of Rules) {
    expect(rule).not.toHaveProperty('ExpirationInDays')
    expect(rule).not.toHaveProperty('ExpirationDate')
  }
  expect(JSON.stringify(only('AWS::S3::BucketPolicy'))).toContain('"aws:SecureTransport":"false"')
})

test('a disposable deployment leaves nothing behind', () => {
  const disposable = resourcesWith({ disposable: 'true' })
  for (const type of ['AWS::DynamoDB::Table', 'AWS::S3::Bucket', 'AWS::MSK::Cluster'])
    expect(only(type, disposable).DeletionPolicy).toBe('Delete')
  expect(only('AWS::DynamoDB::Table', disposable).Properties.DeletionProtectionEnabled).toBe(false)
})
