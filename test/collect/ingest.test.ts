import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type HttpEvent, ingestHandler } from '../../lib/collect/ingest/handler.ts'
import { BODY_BYTES_MAX, FRAMED, framedBody } from '../../lib/collect/ingest/records-body.ts'
import { ingestAnswer, ingestRefusal } from '../../lib/collect/ingest/schemas.ts'
import { PortError } from '../../lib/ports/errors.ts'
import type { EventLog } from '../../lib/ports/event-log.ts'
import type { Ports } from '../../lib/ports/ports.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { everything, inFolder, openTestPorts } from './ports.ts'
import { difference, NO_DIFFERENCE, wordStream, words } from './streams.ts'

const streams = new Map([true, false].map((keyed) => [wordStream({ keyed }).name, wordStream({ keyed })]))
const context = { getRemainingTimeInMillis: () => 10_000 }
const lines = (text: string) => text.trim().split('\n')

let ports: Ports
let over: () => void
let done: Promise<void>

beforeEach(async () => {
  await new Promise<void>((ready) => {
    done = inFolder(async (dir) => {
      ports = await openTestPorts(dir)
      for (const { name, partitions } of streams.values())
        for (const kind of ['enriched', 'raw'] as const)
          await ports.log.createTopic(topicName(name, kind), partitions)
      ready()
      await new Promise<void>((resolve) => {
        over = resolve
      })
      await ports.close()
    })
  })
})
afterEach(async () => {
  vi.restoreAllMocks()
  over()
  await done
})

interface Sent {
  readonly stream?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly query?: Record<string, string>
}

function event(
  body: string | Buffer,
  { stream = 'words', method = 'POST', headers = {}, query }: Sent = {},
): HttpEvent {
  return {
    requestContext: { http: { method } },
    rawPath: `/streams/${stream}/records`,
    headers,
    pathParameters: { stream },
    ...(query && { queryStringParameters: query }),
    body: body.toString(typeof body === 'string' ? undefined : 'base64'),
    isBase64Encoded: typeof body !== 'string',
  }
}

async function send(body: string | Buffer, sent: Sent = {}, on: Ports = ports) {
  const { statusCode, headers, body: text } = await ingestHandler(streams, on)(event(body, sent), context)
  const document = JSON.parse(text)
  // As docs/openapi.yaml describes it, and nothing besides.
  expect((statusCode === 200 ? ingestAnswer : ingestRefusal).parse(document)).toEqual(document)
  return { status: statusCode, headers, document }
}

async function landed(stream = 'words') {
  return everything(ports.log, topicName(stream, 'raw'))
}

async function values(stream = 'words') {
  return (await landed(stream)).flat().map(({ value }) => value)
}

describe('the ingest API', () => {
  it('answers where each record lies', async () => {
    for (const stream of ['words', 'keyed-words']) {
      const { status, document } = await send(words(3000), { stream })
      expect(status).toBe(200)
      expect(document).toMatchObject({
        stream,
        topic: `${stream}.raw.g1`,
        accepted: 3000,
        replayed: false,
        invalid: [],
      })
      const partitions = await landed(stream)
      const found = document.records.map(
        ({ partition, offset }: { partition: number; offset: number }) =>
          partitions[partition]?.[offset]?.value,
      )
      expect(found).toEqual(lines(words(3000)))
    }
  })

  it('takes lines with CRLF, empty ones, gzip, and frames that may hold line ends', async () => {
    expect((await send('1,a\r\n\n2,b')).document.accepted).toBe(2)
    const headers = { 'content-encoding': 'gzip', 'content-type': 'text/csv' }
    expect((await send(gzipSync('3,c\n'), { headers })).document.accepted).toBe(1)
    const framed = framedBody([Buffer.from('4,d'), Buffer.from('5,"e\nf"')])
    expect((await send(framed, { headers: { 'content-type': FRAMED } })).document.accepted).toBe(2)
    expect((await values()).sort()).toEqual(['1,a', '2,b', '3,c', '4,d', '5,"e\nf"'])
  })

  it('takes nothing of a request with invalid records, and says which and why in words that quote nothing', async () => {
    const { status, document } = await send('1,a\nsecret\n2,b\nx,secret\n')
    expect(status).toBe(422)
    expect(document.error.code).toBe('INVALID_RECORDS')
    expect(
      document.invalid.map(({ record, stage }: { record: number; stage: string }) => [record, stage]),
    ).toEqual([
      [1, 'parse'],
      [3, 'parse'],
    ])
    expect(JSON.stringify(document)).not.toContain('secret')
    expect(await values()).toEqual([])
  })

  it('takes them for dead letters where it is asked to', async () => {
    const { status, document } = await send('1,a\nnonsense\n', { query: { invalid: 'keep' } })
    expect(status).toBe(200)
    expect(document).toMatchObject({ accepted: 2, invalid: [{ record: 1 }] })
    expect(await values()).toEqual(['1,a', 'nonsense'])
  })

  it.each([
    ['another method', '1,a', { method: 'GET' }, 405, 'METHOD_NOT_ALLOWED'],
    ['an unknown stream', '1,a', { stream: 'nothing' }, 404, 'NO_SUCH_STREAM'],
    ['no records', '\n\n', {}, 400, 'BAD_REQUEST'],
    ['a bad key', '1,a', { headers: { 'idempotency-key': 'a b' } }, 400, 'BAD_REQUEST'],
    ['an unknown parameter', '1,a', { query: { mode: 'x' } }, 400, 'BAD_REQUEST'],
    ['another encoding', '1,a', { headers: { 'content-encoding': 'br' } }, 400, 'BAD_REQUEST'],
    ['what is not gzip', '1,a', { headers: { 'content-encoding': 'gzip' } }, 400, 'BAD_REQUEST'],
    [
      'a frame cut short',
      Buffer.from([0, 0, 0, 9, 1]),
      { headers: { 'content-type': FRAMED } },
      400,
      'BAD_REQUEST',
    ],
    ['too large a body', 'x'.repeat(BODY_BYTES_MAX + 1), {}, 413, 'TOO_LARGE'],
    ['too many records', '1\n'.repeat(10_001), {}, 413, 'TOO_LARGE'],
    [
      'a small body of many bytes',
      gzipSync(Buffer.alloc(BODY_BYTES_MAX + 1, 'x')),
      { headers: { 'content-encoding': 'gzip' } },
      413,
      'TOO_LARGE',
    ],
  ])('refuses %s', async (_what, body, sent, status, code) => {
    const refused = await send(body as string | Buffer, sent as Sent)
    expect([refused.status, refused.document.error.code]).toEqual([status, code])
    expect(await values()).toEqual([])
  })

  it('puts a record too large for the log into the object store', async () => {
    const large = `1,${'x'.repeat(1_000_000)}`
    const { document } = await send(`${large}\n2,b\n`, { stream: 'keyed-words' })
    expect(document.accepted).toBe(2)
    const partitions = await landed('keyed-words')
    const [{ partition, offset }] = document.records
    const pointer = partitions[partition]?.[offset]
    expect(pointer?.headers).toContain('weir-pointer')
  })
})

describe('an idempotency key', () => {
  const keyed = (key: string): Sent => ({ headers: { 'idempotency-key': key } })

  it('has a request taken once, with the same answer, whoever answers', async () => {
    const first = await send(words(2500), keyed('k1'))
    expect(first.document.replayed).toBe(false)
    for (let again = 0; again < 2; again++) {
      const { status, document } = await send(words(2500), keyed('k1'))
      expect(status).toBe(200)
      expect(document).toEqual({ ...first.document, replayed: true })
    }
    expect(await values()).toHaveLength(2500)
    await send(words(2500), keyed('k2'))
    expect(await values()).toHaveLength(5000)
  })

  it('is for one request', async () => {
    await send(words(10), keyed('k'))
    const { status, document } = await send(words(11), keyed('k'))
    expect([status, document.error.code]).toEqual([422, 'KEY_REUSED'])
  })

  it('holds when the same handler gets it many times at once', async () => {
    const handler = ingestHandler(streams, ports)
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => handler(event(words(3000), keyed('k')), context)),
    )
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(Array.from({ length: 8 }, () => 200))
    expect(difference(await values(), lines(words(3000)))).toEqual(NO_DIFFERENCE)
  })

  it('holds through appends that fail, land unsaid or land late, and processes that come and go', async () => {
    const fates = fc.constantFrom('fine', 'fine', 'unsaid', 'refused', 'late', 'lost for good')
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    let request = 0
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fates), fc.boolean(), async (fate, sameProcess) => {
        const stream = 'keyed-words'
        const key = `k${request++}`
        const body = words(400, request * 1000)
        const late: Promise<unknown>[] = []
        const failing = failingPorts(ports, () => fate.next().value, late)
        let handler = ingestHandler(streams, failing)
        let answer: { statusCode: number } = { statusCode: 0 }
        for (let tries = 0; answer.statusCode !== 200 && tries < 60; tries++) {
          if (!sameProcess) handler = ingestHandler(streams, failing)
          answer = await handler(event(body, { ...keyed(key), stream }), context)
          expect([200, 409, 503]).toContain(answer.statusCode)
        }
        await Promise.allSettled(late)
        const mine = (await values(stream)).filter(
          (value) => Math.floor(Number.parseInt(value, 10) / 1000) === request,
        )
        expect(answer.statusCode).toBe(200)
        expect(difference(mine, lines(body))).toEqual(NO_DIFFERENCE)
      }),
      { numRuns: 25 },
    )
  }, 240_000)
})

/** Ports whose fenced appends have the fates given. */
function failingPorts(real: Ports, fateOf: () => string, late: Promise<unknown>[]): Ports {
  const { log } = real
  const timeout = new PortError('TIMEOUT', 'no answer in time', { curable: true })
  const denied = new PortError('DENIED', 'the process is at its end', { curable: false })
  const fence: EventLog['fence'] = async (name, topic) => {
    const fenced = await log.fence(name, topic)
    return {
      append: async (partition, batch) => {
        const fate = fateOf()
        if (fate === 'refused') throw timeout
        if (fate === 'lost for good') throw denied
        if (fate === 'late') {
          late.push(real.clock.sleep(5).then(() => fenced.append(partition, batch)))
          late.at(-1)?.catch(() => undefined)
          throw denied
        }
        const appended = await fenced.append(partition, batch)
        if (fate === 'unsaid') throw timeout
        return appended
      },
    }
  }
  const proxy = new Proxy(log, {
    get: (target, name) => {
      if (name === 'fence') return fence
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  const clock = { ...real.clock, sleep: () => real.clock.sleep(1) }
  return { ...real, log: proxy, clock }
}
