import { type App, CfnElement, Stack, Validations } from 'aws-cdk-lib'
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag'
import type { Construct, IConstruct } from 'constructs'

/** Checks every template at synth; a finding that nobody has acknowledged fails it. */
export function addChecks(app: App): void {
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new ServerlessChecks(app))
}

/** Accepts findings of these rules on a construct and below it, each with the reason why it is right there. */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  const rules = Object.entries(reasons).map(([id, reason]) => ({ id: `${id.split('-')[0]}::${id}`, reason }))
  Validations.of(construct).acknowledge(...rules)
}

/**
 * Accepts exactly one wildcard in the policies of a role, as cdk-nag prints it: `*`, or `<Master.Arn>/large/*` with the
 * logical id of the resource. Another wildcard in the same policy still fails.
 */
export function acknowledgeWildcard(role: IConstruct, resource: string, reason: string): void {
  acknowledge(role, { [`AwsSolutions-IAM5[Resource::${resource}]`]: reason })
}

/** The logical id of an L2 construct's own resource, as findings name it. */
export function logicalId(construct: Construct): string {
  const resource = construct.node.defaultChild
  if (!(resource instanceof CfnElement)) throw new Error(`${construct.node.path} has no resource of its own`)
  return Stack.of(construct).getLogicalId(resource)
}
