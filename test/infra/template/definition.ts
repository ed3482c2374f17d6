import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { RECOMPUTE_DEFINITION } from '../../../lib/infra/recompute.ts'
import { TRAINING_DEFINITION } from '../../../lib/infra/training.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

const definitions = [
  ['recompute', RECOMPUTE_DEFINITION],
  ['training', TRAINING_DEFINITION],
].map(([name, file]) => [name, readFileSync(file as URL, 'utf8')] as [string, string])

function* objectsIn(json: Json): Generator<{ readonly [name: string]: Json }> {
  if (Array.isArray(json)) for (const each of json) yield* objectsIn(each)
  else if (typeof json === 'object' && json !== null) {
    yield json as { readonly [name: string]: Json }
    for (const each of Object.values(json)) yield* objectsIn(each)
  }
}

/** The local interpreter passes over these without a word, and would do something else than Step Functions does. */
const IGNORED_LOCALLY = ['ItemReader', 'ItemBatcher', 'ResultWriter', 'Assign', 'Arguments', 'Output']

test.each(definitions)('%s holds nothing that the local interpreter ignores in silence', (_, text) => {
  for (const object of objectsIn(JSON.parse(text) as Json)) {
    for (const name of IGNORED_LOCALLY) expect(Object.keys(object)).not.toContain(name)
    if ('QueryLanguage' in object) expect(object.QueryLanguage).toBe('JSONPath')
  }
  expect(text).not.toContain('{%')
})

test.each(definitions)('in %s every state that is named exists, and every state is reached', (_, text) => {
  for (const machine of objectsIn(JSON.parse(text) as Json)) {
    if (machine.States === undefined) continue
    const states = Object.keys(machine.States as object)
    const own = { ...(machine.States as { readonly [name: string]: Json }) }
    const targets = new Set([machine.StartAt])
    for (const state of Object.values(own)) {
      const { ItemProcessor: _, ...flat } = state as { readonly [name: string]: Json }
      for (const object of objectsIn(flat))
        for (const name of ['Next', 'Default']) if (object[name]) targets.add(object[name])
    }
    expect([...targets].sort()).toEqual(states.sort())
  }
})
