import { expect, test } from 'vitest'
import { ROUTES } from '../../../lib/serve/query-api/routes.ts'
import { ofType, resourcesWith } from './synth.ts'

const resources = resourcesWith()

/** Properties of the resources of a type whose logical id starts with `QueryApi`. */
function own(type: string) {
  return ofType(resources, type).flatMap(([id, { Properties }]) =>
    id.startsWith('QueryApi') ? [Properties] : [],
  )
}

test('the query API has the routes of its handler, each for signed requests only', () => {
  const routes = own('AWS::ApiGatewayV2::Route')
  expect(routes.map(({ RouteKey }) => RouteKey).sort()).toEqual(
    ROUTES.map(({ path }) => `GET ${path}`).sort(),
  )
  for (const { AuthorizationType } of routes) expect(AuthorizationType).toBe('AWS_IAM')
})

test('the query API is throttled, and logs neither paths nor query strings, which hold keys', () => {
  const [stage] = own('AWS::ApiGatewayV2::Stage')
  expect(stage).toMatchObject({
    StageName: '$default',
    AutoDeploy: true,
    DefaultRouteSettings: { ThrottlingRateLimit: 100, ThrottlingBurstLimit: 200 },
  })
  const { Format } = (stage?.AccessLogSettings ?? {}) as { Format: string }
  expect(Object.values(JSON.parse(Format))).toContain('$context.routeKey')
  expect(Format).not.toMatch(/path|querystring|identity/i)
})

test('the query function only reads: items, boards and batch views', () => {
  const [policy] = ofType(resources, 'AWS::IAM::Policy').filter(([id]) => /^QueryRole/.test(id))
  const document = policy?.[1].Properties.PolicyDocument ?? {}
  const { Statement } = document as { Statement: { Action: string | string[]; Resource: unknown }[] }
  const actions = Statement.flatMap(({ Action }) => Action)
  expect(actions.filter((action) => /^(s3|dynamodb):/.test(action)).sort()).toEqual([
    'dynamodb:GetItem',
    'dynamodb:Query',
    's3:GetObject',
    's3:ListBucket',
  ])
  const objects = JSON.stringify(Statement.filter(({ Action }) => [Action].flat().includes('s3:GetObject')))
  expect(objects.match(/\/\w+\/\*/g)?.sort()).toEqual(['/batch/*', '/board/*'])
})
