import { Template } from 'aws-cdk-lib/assertions'
import { streams } from '../../../streams/index.ts'
import { appWith, ofType, type Resource } from '../../infra/template/synth.ts'

/** A function's variables: text where the template says it, else what a deployment puts there. */
export type TemplateVariables = Readonly<Record<string, unknown>>

/** The variables that the template gives to each function of a stream, and to those that streams share, by function. */
export function templateVariables(stream: string): ReadonlyMap<string, TemplateVariables> {
  const { stack } = appWith({}, { streams: [...streams.values()] })
  const resources = Template.fromStack(stack).toJSON().Resources as Record<string, Resource>
  const found = new Map<string, TemplateVariables>()
  for (const [, { Properties }] of ofType(resources, 'AWS::Lambda::Function')) {
    const variables = (Properties.Environment as { Variables?: TemplateVariables } | undefined)?.Variables
    if (variables === undefined) continue
    if (variables.WEIR_STREAM !== undefined && variables.WEIR_STREAM !== stream) continue
    const name = JSON.stringify(Properties.FunctionName)
    found.set(/([a-z]+)"?\]*\}?$/.exec(name)?.[1] ?? name, variables)
  }
  return found
}

/**
 * The environment a function has in a deployment whose `values` are these: exactly the variables of its template. Throws
 * where the template has a variable that only a deployment fills and `values` does not.
 */
export function filledIn(
  variables: TemplateVariables,
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const filled = Object.entries(variables).map(([name, value]) => {
    const text = values[name] ?? value
    if (typeof text === 'string') return [name, text] as const
    throw new Error(`the template gives ${name}, and this test does not know what to put there`)
  })
  return Object.fromEntries(filled)
}
