import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import {
  INGEST_PATH,
  ingestAnswer,
  ingestHeaders,
  ingestParameters,
  ingestRefusal,
} from '../../../lib/collect/ingest/schemas.ts'
import { ROUTES } from '../../../lib/serve/query-api/routes.ts'
import { errorAnswer } from '../../../lib/serve/query-api/schemas.ts'

type Json = { readonly [name: string]: unknown }
interface Parameter {
  readonly name: string
  readonly in: string
  readonly required?: boolean
  readonly schema: Json
}
interface Operation {
  readonly parameters?: readonly Json[]
  readonly responses: Readonly<Record<string, unknown>>
}

const text = readFileSync(new URL('../../../docs/openapi.yaml', import.meta.url), 'utf8')
const document = parse(text) as { paths: Record<string, Record<string, Operation>>; components: Json }

function resolve(reference: string): unknown {
  const names = reference.replace('#/', '').split('/')
  return names.reduce<unknown>((at, name) => (at as Json | undefined)?.[name], document)
}

/** Without references, words and examples, with required fields in one order. */
function bare(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(bare)
  if (typeof schema !== 'object' || schema === null) return schema
  if ('$ref' in schema) return bare(resolve(String(schema.$ref)))
  const { description: _, examples: __, $schema: ___, required, ...rest } = schema as Json
  const sorted = Array.isArray(required)
    ? { required: [...required].sort() }
    : required === true && { required }
  return Object.fromEntries(
    Object.entries({ ...rest, ...sorted }).map(([name, value]) => [name, bare(value)]),
  )
}

const jsonSchema = (schema: z.ZodType) => bare(z.toJSONSchema(schema, { io: 'output' }))
const operation = (path: string): Operation => document.paths[path]?.get ?? { responses: {} }
const bodyOf = (response: unknown) =>
  (bare(response) as { content: Record<string, { schema: unknown }> }).content['application/json']?.schema

test('every route of the query API is described', () => {
  const described = Object.entries(document.paths).filter(([path]) => path.startsWith('/views'))
  expect(described.map(([path]) => path).sort()).toEqual(ROUTES.map(({ path }) => path).sort())
  for (const [, operations] of described) expect(Object.keys(operations)).toEqual(['get'])
})

test.each(ROUTES)('$path takes the parameters that are described', ({ path, parameters }) => {
  const described = (operation(path).parameters ?? []).map((one) => bare(one) as Parameter)
  const inPath = described.filter((one) => one.in === 'path').map(({ name }) => `{${name}}`)
  expect(inPath).toEqual(path.match(/\{\w+\}/g) ?? [])
  const inQuery = described.filter((one) => one.in === 'query')
  const expected = jsonSchema(parameters) as { properties: Json; required?: readonly string[] }
  expect(Object.fromEntries(inQuery.map(({ name, schema }) => [name, schema]))).toEqual(expected.properties)
  expect(inQuery.filter(({ required }) => required === true)).toEqual([])
  expect(expected.required ?? []).toEqual([])
})

test.each(ROUTES)('$path answers as is described', ({ path, answers }) => {
  const { responses } = operation(path)
  expect(Object.keys(responses)).toEqual(['200', 'default'])
  expect(bodyOf(responses['200'])).toEqual(jsonSchema(answers))
  expect(bodyOf(responses.default)).toEqual(jsonSchema(errorAnswer))
})

test('sending records takes and answers what is described', () => {
  const { post, ...others } = document.paths[INGEST_PATH] ?? {}
  expect(Object.keys(others)).toEqual(['servers'])
  const described = (post?.parameters ?? []).map((one) => bare(one) as Parameter)
  const of = (where: string) =>
    Object.fromEntries(
      described.filter((one) => one.in === where).map((one) => [one.name.toLowerCase(), one.schema]),
    )
  expect(Object.keys(of('path')).map((name) => `{${name}}`)).toEqual(INGEST_PATH.match(/\{\w+\}/g))
  expect(of('query')).toEqual((jsonSchema(ingestParameters) as { properties: Json }).properties)
  expect(of('header')).toEqual((jsonSchema(ingestHeaders) as { properties: Json }).properties)
  expect(described.filter(({ required }) => required === true).map(({ name }) => name)).toEqual(['stream'])
  expect(bodyOf(post?.responses['200'])).toEqual(jsonSchema(ingestAnswer))
  expect(bodyOf(post?.responses.default)).toEqual(jsonSchema(ingestRefusal))
})

test('it refers to nothing that is not there', () => {
  const references = [...text.matchAll(/\$ref: ['"]([^'"]+)['"]/g)].map(([, reference = '']) => reference)
  expect(references.length).toBeGreaterThan(10)
  for (const reference of references) expect(resolve(reference), reference).toBeDefined()
})
