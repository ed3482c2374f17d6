import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PortError } from '../../../lib/ports/errors.ts'
import { answerQuery, queryHandler } from '../../../lib/serve/query-api/handler.ts'
import { ROUTES } from '../../../lib/serve/query-api/routes.ts'
import { errorAnswer, slidesAnswer } from '../../../lib/serve/query-api/schemas.ts'
import { slidePuts } from '../../../lib/serve/trends/slides.ts'
import type { ViewDefinition } from '../../../lib/stream/view-definition.ts'
import { compileView } from '../../../lib/views/view.ts'
import { LocalWorld } from '../../master/local-world.ts'
import { testStream } from '../../master/test-stream.ts'
import { AMPLE } from '../../support/ports.ts'
import { publishBatch } from '../query/batch-world.ts'

const streams = new Map([[testStream.name, testStream]])

describe('the query API', () => {
  let world: LocalWorld
  beforeEach(async () => {
    world = await LocalWorld.open(testStream)
    await world.feed(0, ...['a', 'b', 'b', 'a|é'].map((text) => JSON.stringify({ text, integer: 1 })))
    await world.run()
  })
  afterEach(() => world.ports.close())

  const get = async (path: string, query: Record<string, string> = {}, method = 'GET') => {
    const { status, body } = await answerQuery(world.ports, streams, { method, path, query })
    if (status !== 200) errorAnswer.parse(body)
    else ROUTES.find((route) => route.answers.safeParse(body).success)?.answers.parse(body)
    return { status, body: body as Record<string, unknown> & { rows: Record<string, unknown>[] } }
  }
  const refusal = async (...request: Parameters<typeof get>) => {
    const { status, body } = await get(...request)
    return [status, (body.error as { code: string }).code]
  }

  it('lists the views with what there is to know of them', async () => {
    const { body } = await get('/views')
    const byText = compileView('test', 'byText', testStream.views.byText ?? (undefined as never))
    expect(body.views).toContainEqual({
      id: 'test.byText',
      title: 'By text',
      stream: 'test',
      version: byText.version,
      groupBy: ['text'],
      slotMs: 300_000,
      aggregates: [
        { name: 'count', kind: 'count' },
        { name: 'sum', kind: 'sum' },
      ],
    })
  })

  it('answers from a view, by key, by layer and no more rows than asked for', async () => {
    const all = await get('/views/test.byText')
    expect(all.body).toMatchObject({ view: 'test.byText', truncated: false, horizon: null, since: null })
    expect(all.body.rows.map(({ key, count }) => [key, count])).toEqual([
      ['a', 1],
      ['a|é', 1],
      ['b', 2],
    ])
    const one = await get('/views/test.byText', { key: 'a|é', bySlot: 'true' })
    expect(one.body.rows).toHaveLength(1)
    expect((await get('/views/test.byText', { limit: '2' })).body).toMatchObject({ truncated: true })
    expect((await get('/views/test.byText', { layer: 'batch' })).body.rows).toEqual([])
    const view = compileView('test', 'byText', testStream.views.byText ?? (undefined as never))
    await publishBatch(world.ports, view, [], 1)
    expect((await get('/views/test%2EbyText')).body.horizon).toBe('1970-01-01T00:01:00.000Z')
  })

  it('takes times as ISO 8601 and as ms', async () => {
    const later = world.clock.ms + 600_000
    for (const from of [String(later), new Date(later).toISOString()])
      expect((await get('/views/test.byText', { from })).body.rows).toEqual([])
    expect((await get('/views/test.byText', { to: '2001-01-01' })).body.rows).toEqual([])
  })

  it('has the slides of trends, the latest of them or those of a time, and of no other view', async () => {
    const trending = { ...testStream.views.byText, slotMs: 10_000 } as ViewDefinition
    const named = new Map([['test', { ...testStream, views: { ...testStream.views, trending } }]])
    const slide = (to: number) => ({
      ...{ from: to - 600_000, to, top: [{ key: 'a', count: 2 }], bursts: [], uses: 2 },
      ...{ late: 0, provisional: false },
    })
    const [first, second, third] = [slide(1_000_000), slide(1_010_000), slide(1_020_000)]
    const puts = slidePuts('test', [first, second, third], Math.ceil(world.clock.ms / 1000) + 60)
    await world.ports.keyed.transact(puts)
    const ask = async (query: Record<string, string>, view = 'test.trending') => {
      const path = `/views/${view}/slides`
      const { body } = await answerQuery(world.ports, named, { method: 'GET', path, query })
      return body
    }
    expect(await ask({})).toEqual({ stream: 'test', slides: [third] })
    expect(slidesAnswer.parse(await ask({ limit: '2' })).slides).toEqual([second, third])
    expect(await ask({ to: '1020000', limit: '9' })).toEqual({ stream: 'test', slides: [first, second] })
    expect(await ask({ from: '1970-01-01T00:16:45Z', limit: '9' })).toMatchObject({ slides: [second, third] })
    expect(await ask({}, 'test.byText')).toMatchObject({ error: { code: 'NO_SUCH_VIEW' } })
    expect(await ask({ limit: '1001' })).toMatchObject({ error: { code: 'BAD_PARAMETER' } })
  })

  it('ranks the keys of a window', async () => {
    const { body } = await get('/views/test.byText/top', { k: '1', window: '1h', by: 'sum' })
    expect(body).toMatchObject({ by: 'sum', keys: 3 })
    expect(body.rows.map(({ key }) => key)).toEqual(['b'])
  })

  it.each<[string, Record<string, string>]>([
    ['/views', { key: 'a' }],
    ['/views/test.byText', { limit: '0' }],
    ['/views/test.byText', { limit: '10001' }],
    ['/views/test.byText', { from: 'yesterday' }],
    ['/views/test.byText', { from: '2026-99-99' }],
    ['/views/test.byText', { layer: 'fast' }],
    ['/views/test.byText', { keys: 'a' }],
    ['/views/test.byText', { key: 'x'.repeat(5000) }],
    ['/views/test.byText/top', { window: '10' }],
    ['/views/test.byText/top', { by: 'nothing' }],
    ['/views/test.byText/top', { k: '1001' }],
  ])('refuses parameters it does not know or understand, %#: %s', async (path, query) => {
    expect(await refusal(path, query)).toEqual([400, 'BAD_PARAMETER'])
  })

  it.each(['/views/test.nothing', '/views/other.byText', '/views/__proto__.toString', '/views/%E0%A4%A'])(
    'knows no view %s',
    async (path) => expect(await refusal(path)).toEqual([404, 'NO_SUCH_VIEW']),
  )

  it('knows no other path and no other method', async () => {
    for (const path of ['/', '/view', '/views/', '/views/test.byText/top/1', '/views/test.byText/'])
      expect((await refusal(path))[0], path).toBe(404)
    expect(await refusal('/views/test.byText', {}, 'POST')).toEqual([405, 'METHOD_NOT_ALLOWED'])
  })

  it('as a function answers an event, and tells nobody what it failed of', async () => {
    const event = (rawPath: string, queryStringParameters?: Record<string, string>) => ({
      rawPath,
      ...(queryStringParameters === undefined ? {} : { queryStringParameters }),
      requestContext: { http: { method: 'GET' } },
    })
    const handler = queryHandler(world.ports, streams)
    const good = await handler(event('/views/test.byText', { key: 'b' }), AMPLE)
    expect(good.statusCode).toBe(200)
    expect(JSON.parse(good.body)).toMatchObject({ rows: [{ key: 'b', count: 2 }] })
    expect((await handler(event('/nothing'), AMPLE)).statusCode).toBe(404)

    const failing = (error: Error) => {
      const get = () => Promise.reject(error)
      return queryHandler({ ...world.ports, keyed: { ...world.ports.keyed, get } as never }, streams)
    }
    const busy = await failing(new PortError('THROTTLED', 'slow down', { curable: true }))(
      event('/views/test.byText'),
      AMPLE,
    )
    expect(busy).toMatchObject({ statusCode: 503, headers: { 'retry-after': '1' } })
    const broken = await failing(new Error('secret detail'))(event('/views/test.byText'), AMPLE)
    expect(broken.statusCode).toBe(500)
    expect(broken.body).not.toContain('secret')
    expect(errorAnswer.parse(JSON.parse(broken.body)).error.code).toBe('INTERNAL')
  })
})
