import { readFileSync } from 'node:fs'
import { App } from 'aws-cdk-lib'
import { Template } from 'aws-cdk-lib/assertions'
import { Code } from 'aws-cdk-lib/aws-lambda'
import { readSettings } from '../../../lib/infra/settings.ts'
import { WeirStack } from '../../../lib/infra/weir-stack.ts'
import type { Stream } from '../../../lib/stream/define.ts'
import { sensors } from './sensors.ts'

/** A CloudFormation resource of a synthesised template. */
export interface Resource {
  readonly Type: string
  readonly Properties: Readonly<Record<string, unknown>>
  readonly DependsOn?: readonly string[]
  readonly DeletionPolicy?: string
}

/** The context of cdk.json, so that tests synthesise under the same feature flags as a deployment. */
export const CONTEXT = JSON.parse(readFileSync('cdk.json', 'utf8')).context as Readonly<
  Record<string, unknown>
>

/** An app with the whole stack, by default for one small stream of the tests' own; the functions' code is a placeholder. */
export function appWith(
  context: Readonly<Record<string, unknown>> = {},
  { outdir, streams = [sensors] }: { outdir?: string; streams?: readonly Stream[] } = {},
): { app: App; stack: WeirStack } {
  const app = new App({
    context: { ...CONTEXT, ...context },
    analyticsReporting: false,
    ...(outdir === undefined ? {} : { outdir }),
  })
  const settings = readSettings((name) => app.node.tryGetContext(name))
  const stack = new WeirStack(app, 'Weir', {
    settings,
    streams: new Map(streams.map((stream) => [stream.name, stream])),
    codeOf: () => Code.fromInline('export const handler = 0'),
  })
  return { app, stack }
}

const made = new Map<string, Record<string, Resource>>()

/** The resources of the stack by logical id. Made once for each context. */
export function resourcesWith(context: Readonly<Record<string, unknown>> = {}): Record<string, Resource> {
  const key = JSON.stringify(context)
  const known = made.get(key)
  if (known !== undefined) return known
  const resources = Template.fromStack(appWith(context).stack).toJSON().Resources as Record<string, Resource>
  made.set(key, resources)
  return resources
}

/** The resources of one type, with their logical ids. */
export function ofType(resources: Record<string, Resource>, type: string): [string, Resource][] {
  return Object.entries(resources).filter(([, { Type }]) => Type === type)
}
