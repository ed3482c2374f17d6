import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type App, CfnResource } from 'aws-cdk-lib'
import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { afterAll, expect, test } from 'vitest'
import { addChecks } from '../../../lib/infra/nag.ts'
import { WeirFunction } from '../../../lib/infra/weir-function.ts'
import { sensors } from './sensors.ts'
import { appWith } from './synth.ts'

interface PluginReport {
  readonly pluginName: string
  /** Errors and warnings. */
  readonly violations: readonly unknown[]
  readonly suppressedViolations?: readonly { readonly ruleName: string; readonly reason: string }[]
}

const outdir = mkdtempSync(join(tmpdir(), 'weir-checks-'))
afterAll(() => rmSync(outdir, { recursive: true }))

function synth(app: App): readonly PluginReport[] {
  addChecks(app)
  const { directory } = app.synth()
  return JSON.parse(readFileSync(join(directory, 'validation-report.json'), 'utf8')).pluginReports
}

test.each(['standard', 'express', 'none'])('with kafka=%s no rule has an open finding', (kafka) => {
  const reports = synth(appWith({ kafka }, { outdir: join(outdir, kafka) }).app)
  expect(reports.map(({ pluginName }) => pluginName)).toEqual(['AwsSolutions', 'Serverless'])
  for (const { violations, suppressedViolations } of reports) {
    expect(violations).toEqual([])
    for (const { reason } of suppressedViolations ?? []) expect(reason.length).toBeGreaterThan(15)
  }
})

test('a wildcard that nobody gave a reason for fails the synthesis', () => {
  const { app, stack } = appWith({ kafka: 'none' })
  const socket = stack.node.findChild('Socket')
  if (!(socket instanceof WeirFunction)) throw new Error('no socket function')
  socket.role.addToPolicy(
    new PolicyStatement({ actions: ['s3:GetObject'], resources: ['arn:aws:s3:::other/*'] }),
  )
  expect(() => synth(app)).toThrow(/AwsSolutions-IAM5\[Resource::arn:aws:s3:::other\/\*\]/)
})

test('a property that CloudFormation does not know fails the synthesis', () => {
  const { app, stack } = appWith({ kafka: 'none' })
  new CfnResource(stack, 'Typo', { type: 'AWS::SNS::Topic', properties: { TopikName: 'x' } })
  expect(() => synth(app)).toThrow(/TopikName.*Did you mean 'TopicName'/)
})

// In two stacks: CloudFormation takes 500 resources.
test.each([[['network', 'kafka', 'alarms', 'socket']], [['train', 'recompute', 'a-b', 'ab']]])(
  'a stream may have any name, those of parts of the stack too: %j',
  (names) => {
    const streams = names.map((name) => ({ ...sensors, name }))
    expect(() => appWith({}, { streams }).app.synth()).not.toThrow()
  },
)

test('names that together are too long for Lambda are refused', () => {
  const streams = [{ ...sensors, name: 'x'.repeat(40) }]
  expect(() => appWith({ site: 'somewhere-far-away' }, { streams })).toThrow(
    /weir-somewhere-far-away-x+-score is longer than the 64 characters/,
  )
})
