import { Template } from 'aws-cdk-lib/assertions'
import { streams } from '../../../streams/index.ts'
import { appWith, ofType, type Resource } from '../../infra/template/synth.ts'

/** The names of the variables that the template gives to the function of each stage of a stream, and to the shared ones. */
export function templateVariables(stream: string): ReadonlyMap<string, readonly string[]> {
  const { stack } = appWith({}, { streams: [...streams.values()] })
  const resources = Template.fromStack(stack).toJSON().Resources as Record<string, Resource>
  const found = new Map<string, readonly string[]>()
  for (const [, { Properties }] of ofType(resources, 'AWS::Lambda::Function')) {
    const name = JSON.stringify(Properties.FunctionName)
    const variables = (Properties.Environment as { Variables?: Record<string, unknown> } | undefined)
      ?.Variables
    if (variables === undefined) continue
    const own = variables.WEIR_STREAM
    if (own !== undefined && own !== stream) continue
    const stage = /([a-z]+)"?\]*\}?$/.exec(name)?.[1] ?? name
    found.set(stage, Object.keys(variables))
  }
  return found
}
