import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { RECOMPUTE_DEFINITION } from '../../../lib/infra/recompute.ts'
import { RECOMPUTE_STEPS } from '../../../lib/infra/recompute-steps.ts'
import { TRAINING_DEFINITION } from '../../../lib/infra/training.ts'
import { ofType, resourcesWith } from './synth.ts'

/** It comes with the local interpreter, without types. */
const aslValidator = createRequire(import.meta.url)('asl-validator') as (
  definition: unknown,
  options?: { readonly checkPaths?: boolean; readonly checkArn?: boolean },
) => { readonly isValid: boolean; readonly errors: readonly unknown[] }

const resources = resourcesWith()

test.each([
  ['recompute', RECOMPUTE_DEFINITION],
  ['training', TRAINING_DEFINITION],
])('the definition of %s is valid by the schema of the Amazon States Language', (_, url) => {
  const text = readFileSync(url, 'utf8').replace(
    /\$\{(\w+)FunctionArn\}/g,
    'arn:aws:lambda:eu-west-1:123456789012:function:$1',
  )
  expect(aslValidator(JSON.parse(text), { checkPaths: true, checkArn: true })).toMatchObject({
    isValid: true,
    errors: [],
  })
  expect(aslValidator(JSON.parse(text.replace('"StartAt"', '"BeginAt"'))).isValid).toBe(false)
})

test('every function of the definition is substituted, and there is no other', () => {
  const named = new Set(
    [...readFileSync(RECOMPUTE_DEFINITION, 'utf8').matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name),
  )
  const steps = RECOMPUTE_STEPS.map(
    ({ name }) => `${name.charAt(0).toUpperCase()}${name.slice(1)}FunctionArn`,
  )
  expect([...named].sort()).toEqual([...steps].sort())
})

const machines = ofType(resources, 'AWS::StepFunctions::StateMachine')
const machine = machines.find(([id]) => id.startsWith('Recompute'))

test('the machine is a standard one: only those have distributed maps', () => {
  expect(machine?.[1].Properties.StateMachineType).toBe('STANDARD')
  expect(machine?.[1].Properties.DefinitionString).toBeDefined()
})

test('it may invoke its five functions, and start and stop children of its own', () => {
  const policies = ofType(resources, 'AWS::IAM::Policy').filter(([id]) =>
    /^Recompute(StateMachine|Children)/.test(id),
  )
  const text = JSON.stringify(policies)
  for (const action of ['states:StartExecution', 'states:StopExecution', 'states:DescribeExecution'])
    expect(text).toContain(action)
  const own = policies.flatMap(
    ([, { Properties }]) =>
      (Properties.PolicyDocument as { Statement: { Action: unknown; Resource: unknown }[] }).Statement,
  )
  const invoking = own.filter(({ Action }) => Action === 'lambda:InvokeFunction')
  expect(invoking).toHaveLength(1)
  expect(invoking[0]?.Resource).toHaveLength(5)
})

const functions = ofType(resources, 'AWS::Lambda::Function').filter(([id]) => id.startsWith('Recompute'))

test('its functions have a quarter of an hour each, and only plan speaks Kafka', () => {
  expect(functions).toHaveLength(5)
  for (const [, { Properties }] of functions) expect(Properties.Timeout).toBe(900)
  const inside = functions.filter(([, { Properties }]) => Properties.VpcConfig !== undefined)
  expect(inside.map(([id]) => id)).toEqual([expect.stringMatching(/^RecomputePlan/)])
  expect(JSON.stringify(inside)).toContain('WEIR_BROKERS')
})

test('nothing of it reads or writes a record of Kafka, and only expire deletes boards', () => {
  const policies = ofType(resources, 'AWS::IAM::Policy').filter(([id]) => id.startsWith('Recompute'))
  expect(JSON.stringify(policies)).not.toMatch(/kafka-cluster:(ReadData|WriteData|AlterGroup)/)
  const boards = policies.filter(([, policy]) => JSON.stringify(policy).includes('/board/*'))
  expect(boards.map(([id]) => id)).toEqual([expect.stringMatching(/^RecomputeExpire/)])
  const masters = policies.filter(([, policy]) => JSON.stringify(policy).includes('/master/*"'))
  expect(masters.map(([id]) => id.slice(0, 13)).sort()).toEqual([
    'RecomputePlan',
    // The function recompute: an id does not repeat what follows itself.
    'RecomputeRole',
  ])
  // Publish lists the master's files for Athena, by the manifests; it cannot touch the files.
  const listing = policies.filter(([, policy]) => JSON.stringify(policy).includes('/master/*/'))
  expect(listing.map(([id]) => id)).toEqual([expect.stringMatching(/^RecomputePublish/)])
})

test('every stream is recomputed every hour, and silence raises an alarm', () => {
  const schedules = ofType(resources, 'AWS::Scheduler::Schedule').filter(([id]) => id.startsWith('Recompute'))
  expect(schedules.map(([, { Properties }]) => Properties)).toEqual([
    expect.objectContaining({
      ScheduleExpression: 'rate(1 hour)',
      Target: expect.objectContaining({ Input: '{"stream":"sensors"}' }),
    }),
  ])
  const late = ofType(resources, 'AWS::CloudWatch::Alarm').filter(([, { Properties }]) =>
    String(Properties.AlarmName).endsWith('sensors-recompute-late'),
  )
  expect(late.map(([, { Properties }]) => Properties)).toEqual([
    expect.objectContaining({
      TreatMissingData: 'breaching',
      MetricName: 'horizonAgeMs',
      EvaluationPeriods: 6,
      Threshold: 21_600_000,
    }),
  ])
})
