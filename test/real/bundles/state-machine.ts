import { readFileSync } from 'node:fs'
import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions'

interface State {
  readonly Type: string
  readonly Resource?: string
  readonly ItemProcessor?: { readonly States: Readonly<Record<string, State>> }
}

const DEFINITION = new URL('../../../lib/infra/recompute.asl.json', import.meta.url)

/**
 * Runs the deployed definition of a recompute with each of its tasks done by `run`, which is given the function's name as
 * the template substitutes it. Resolves with the result, rejects as the execution fails.
 */
export async function runDefinition(
  input: object,
  execution: string,
  run: (name: string, event: object) => Promise<unknown>,
): Promise<unknown> {
  const arns = readFileSync(DEFINITION, 'utf8').replace(
    /\$\{(\w+)FunctionArn\}/g,
    'arn:aws:lambda:us-east-1:000000000000:function:$1',
  )
  const definition = JSON.parse(arns) as StateMachineDefinition & { States: Readonly<Record<string, State>> }
  const handlers: Record<string, (event: object) => Promise<unknown>> = {}
  for (const [state, name] of tasksOf(definition.States)) handlers[state] = (event) => run(name, event)
  const { result } = new StateMachine(definition).run(input as never, {
    overrides: {
      taskResourceLocalHandlers: handlers as never,
      retryIntervalOverrides: Object.fromEntries(Object.keys(handlers).map((state) => [state, 200])),
    },
    context: { Execution: { Name: execution } },
  })
  return result
}

/** Each task, those of the maps too, with the function that does it. */
function* tasksOf(
  states: Readonly<Record<string, State>>,
): Generator<readonly [state: string, name: string]> {
  for (const [state, { Resource, ItemProcessor }] of Object.entries(states)) {
    const name = Resource?.split(':function:')[1]
    if (name !== undefined) yield [state, name.toLowerCase()]
    if (ItemProcessor !== undefined) yield* tasksOf(ItemProcessor.States)
  }
}
