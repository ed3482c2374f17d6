import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { PortError } from '../../lib/ports/errors.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { STAGES, World, type WorldOptions } from './bundles/world.ts'
import { madeLines } from './network-lines.ts'
import { onServer } from './on-server.ts'
import { type Fate, HttpProxy, type SeenRequest } from './proxies/http-proxy.ts'
import { KafkaProxy, PRODUCE } from './proxies/tcp-proxy.ts'
import { type RunningKafka, startKafka } from './servers/kafka.ts'
import { kafkaTool } from './servers/kafka-tools.ts'
import { until } from './until.ts'

const LINES = madeLines(6000)
const SCORE = 'weir-network-score'
const RAW = topicName('network', 'raw')

/** Each fault happens while the bundles work; at the end every record is in the master and the views once. */
onServer('kafka', () => {
  onServer('dynamodb', (dynamodb) => {
    onServer('s3', (s3) => {
      describe('exact in spite of', { timeout: 300_000 }, () => {
        const closing: (() => Promise<unknown>)[] = []
        let current: World | undefined
        afterEach(async ({ task }) => {
          // What docs/exactness.md says was seen besides; the tests themselves assert what must hold.
          if (task.result?.state !== 'fail') console.log(`${task.name}:\n    ${await current?.seen()}`)
          for (const close of closing.splice(0).reverse()) await close()
        })
        const later = <T extends { stop(): Promise<unknown> }>(one: T): T => {
          closing.push(() => one.stop())
          return one
        }
        const direct = { dynamodb: dynamodb.endpoint, s3: s3.endpoint }

        const openWorld = async (
          brokers: string,
          options: WorldOptions = {},
          proxies: { dynamodb?: string; s3?: string } = {},
        ): Promise<World> => {
          const world = await World.open({ brokers, ...direct, ...proxies, direct }, options)
          closing.push(() => world.close())
          current = world
          return world
        }
        /** One broker that every client reaches through a proxy. */
        const proxied = async (): Promise<{ kafka: RunningKafka; proxy: KafkaProxy }> => {
          const proxy = later(await KafkaProxy.start())
          const here = `PLAINTEXT://127.0.0.1:${proxy.port}`
          const kafka = later(await startKafka({ properties: { 'advertised.listeners': here } }))
          proxy.target = kafka.endpoint
          return { kafka, proxy }
        }
        const whole = async (world: World, feeding?: Promise<unknown>, lines = LINES): Promise<void> => {
          await feeding
          await world.drained()
          await world.expectExactly(lines)
        }

        it('SIGKILL of score between two produce requests', async () => {
          const { proxy } = await proxied()
          const world = await openWorld(`127.0.0.1:${proxy.port}`, { scoreBatchRecords: 1500 })
          let produced = 0
          let killed = 0
          proxy.onRequest = ({ apiKey, clientId }, pass) => {
            const nth = apiKey === PRODUCE && clientId === SCORE ? ++produced : 0
            // What was sent before has landed and been answered; this one never leaves.
            if (nth === 2 || nth === 5) {
              killed++
              world.bundles.score[0]?.kill()
              return
            }
            pass()
          }
          await world.poll()
          await whole(world, world.feed(LINES))
          expect(killed).toBe(2)
          expect(world.bundles.score[0]?.deaths).toBe(2)
        })

        it('SIGKILL of count after the boards and before the progress', async () => {
          const kafka = later(await startKafka())
          const proxy = later(await HttpProxy.start(dynamodb.endpoint))
          const world = await openWorld(kafka.endpoint, {}, { dynamodb: proxy.endpoint })
          let killed = 0
          proxy.decide = (request) => {
            if (killed < 2 && writesProgress(request, 'count')) {
              killed++
              world.bundles.count[0]?.kill()
              return { status: 500, body: '{}' }
            }
            return 'pass'
          }
          await world.poll()
          await whole(world, world.feed(LINES))
          expect(killed).toBe(2)
          expect(world.bundles.count[0]?.deaths).toBe(2)
        })

        it('SIGKILL of the broker, and its return', async () => {
          const kafka = later(await startKafka())
          const world = await openWorld(kafka.endpoint)
          await world.poll()
          const feeding = world.feed(LINES, { ratePerS: 2000 })
          await sleep(1200)
          await kafka.brokers[0]?.process.stop('SIGKILL')
          await sleep(500)
          await kafka.brokers[0]?.process.start()
          await whole(world, feeding)
          expect(world.errors.length).toBeGreaterThan(0)
        })

        it('a change of leader in the middle of requests, of three brokers', async () => {
          const kafka = later(await startKafka({ brokers: 3 }))
          const world = await openWorld(kafka.endpoint, { env: { WEIR_KAFKA_TIMEOUT_MS: '3000' } })
          await world.poll()
          const lines = madeLines(15_000)
          const feeding = world.feed(lines, { ratePerS: 1500 })
          const met = async () => world.errors.length > 0 || (await world.fencings()) > 1
          for (const { id, process } of kafka.brokers) {
            if (await met()) break
            const { end } = await world.ports.log.offsets(RAW, 0)
            await until('records come', async () => (await world.ports.log.offsets(RAW, 0)).end > end)
            // A paused broker takes requests and answers none: they are under way when it loses its partitions.
            process.signal('SIGSTOP')
            await until('others lead', async () => !(await world.leaders(RAW)).includes(id)).finally(() =>
              process.signal('SIGCONT'),
            )
          }
          await whole(world, feeding, lines)
          expect(await met()).toBe(true)
        })

        it('produce requests that time out and land later, of score and of the collector', async () => {
          const { proxy } = await proxied()
          const env = { WEIR_KAFKA_TIMEOUT_MS: '1000' }
          const world = await openWorld(`127.0.0.1:${proxy.port}`, { env, scoreBatchRecords: 1500 })
          const held: Record<string, number> = {}
          let raw = 0
          proxy.onRequest = ({ apiKey, clientId }, pass) => {
            if (apiKey !== PRODUCE) return pass()
            const mine = clientId === SCORE ? 'score' : 'collector'
            if (mine === 'collector') raw++
            if ((held[mine] ?? 0) >= 2 || (mine === 'collector' && raw % 3 !== 2)) return pass()
            held[mine] = (held[mine] ?? 0) + 1
            setTimeout(pass, mine === 'score' ? 3000 : 7000)
          }
          await world.poll()
          await whole(world, world.feed(LINES, { ratePerS: 3000 }))
          expect(held).toEqual({ score: 2, collector: 2 })
          // And nothing lands after the end either.
          await sleep(3000)
          await whole(world)
        })

        it('DynamoDB throttling, S3 503, slow and lost answers', async () => {
          const kafka = later(await startKafka())
          const dynamo = later(await HttpProxy.start(dynamodb.endpoint))
          const objects = later(await HttpProxy.start(s3.endpoint))
          const made = { throttled: 0, lost: 0, unavailable: 0, slow: 0 }
          let n = 0
          dynamo.decide = async () => {
            n++
            if (n % 7 === 3) {
              made.throttled++
              return THROTTLED
            }
            if (n % 11 === 5) {
              made.lost++
              return 'lose'
            }
            if (n % 29 === 11) {
              made.slow++
              await sleep(3500)
            }
            return 'pass'
          }
          let m = 0
          objects.decide = ({ method }) => {
            m++
            if (m % 4 === 1) {
              made.unavailable++
              return { status: 503, body: '<Error><Code>SlowDown</Code></Error>' }
            }
            if (method === 'PUT' && m % 5 === 2) {
              made.lost++
              return 'lose'
            }
            return 'pass'
          }
          const proxies = { dynamodb: dynamo.endpoint, s3: objects.endpoint }
          const world = await openWorld(kafka.endpoint, { scoreBatchRecords: 1000 }, proxies)
          await world.poll()
          await whole(world, world.feed(LINES, { ratePerS: 2500 }))
          world.notes.push(`made: ${JSON.stringify(made)}`)
          for (const times of Object.values(made)) expect(times).toBeGreaterThan(0)
        })

        it('a partition added to a running stream', async () => {
          const kafka = later(await startKafka())
          const world = await openWorld(kafka.endpoint)
          await world.poll()
          const feeding = world.feed(LINES.slice(0, 3000), { ratePerS: 3000 })
          const { partitions } = world.stream
          await world.ports.log.addPartitions(topicName('network', 'enriched'), partitions + 1)
          await world.ports.log.addPartitions(RAW, partitions + 1)
          await feeding
          await until('the partition is served', () => world.served.every((served) => served > partitions))
          await whole(world, world.feed(LINES), [...LINES.slice(0, 3000), ...LINES])
          const grown = await world.ports.log.offsets(RAW, partitions)
          expect(grown.end).toBeGreaterThan(1)
        })

        it('a raw topic deleted and made again: refused, nothing counted twice', async () => {
          const kafka = later(await startKafka())
          const world = await openWorld(kafka.endpoint)
          await world.poll()
          await whole(world, world.feed(LINES))
          await world.unpoll()
          const topics = ['--bootstrap-server', kafka.endpoint, '--delete', '--topic', RAW]
          await kafkaTool(kafka.jars, 'org.apache.kafka.tools.TopicCommand', topics)
          await until(
            'the topic is gone',
            async () => (await world.ports.log.describeTopic(RAW)) === undefined,
          )
          await world.ports.log.createTopic(RAW, world.stream.partitions)
          const feeding = world.feed(LINES.slice(0, 100))
          await expect(feeding).rejects.toMatchObject({ code: 'MISCONFIGURED' })
          const before = await world.ports.log.offsets(topicName('network', 'enriched'), 0)
          // Not even what was put there past the collector is scored, by an environment that knew the old topic or not.
          const { recordBatch } = await import('../../lib/stream/record-batch.ts')
          await world.ports.log.append(RAW, 0, recordBatch([{ value: Buffer.from(LINES[0] ?? '') }]))
          const fresh = { ...world.bundles, score: [world.newBundle('score')] }
          closing.push(async () => fresh.score[0]?.stop())
          await world.poll(fresh)
          await until('score refuses', () => world.errors.some((error) => error.startsWith('score')))
          expect(await world.ports.log.offsets(topicName('network', 'enriched'), 0)).toEqual(before)
        })

        it('two pollers on every partition for a while', async () => {
          const kafka = later(await startKafka())
          const world = await openWorld(kafka.endpoint, { scoreBatchRecords: 700 })
          const twins = Object.fromEntries(
            STAGES.map((stage) => [stage, [world.newBundle(stage)]]),
          ) as unknown as World['bundles']
          closing.push(() => Promise.all(STAGES.map((stage) => twins[stage][0]?.stop())))
          await world.poll()
          await world.poll(twins)
          await whole(world, world.feed(LINES, { ratePerS: 3000 }))
          let enriched = 0
          for (let p = 0; p < world.stream.partitions; p++)
            enriched += (await world.ports.log.offsets(topicName('network', 'enriched'), p)).end
          // Or more, where a delivery failed on a busy machine.
          expect(enriched).toBeGreaterThanOrEqual(2 * LINES.length)
        })

        it('functions that time out while their zombies go on writing', async () => {
          const kafka = later(await startKafka())
          const proxy = later(await HttpProxy.start(dynamodb.endpoint))
          let slowed = 0
          let refused = 0
          proxy.onRefusal = ({ body }, said) => {
            if (body.includes('board/') && said.includes('ConditionalCheckFailed')) refused++
          }
          const written = new Set<string>()
          proxy.decide = async (request): Promise<Fate> => {
            if (!request.body.includes('board/') || !isWrite(request)) return 'pass'
            const item = [...request.body.matchAll(/"[ps]k":\{"S":"[^"]*"\}/g)].join()
            if (slowed < 3) {
              slowed++
              // The board is written late, when another environment has taken the batch over and has written it.
              await until('the board to be written by another', () => written.has(item))
            } else setTimeout(() => written.add(item), 500)
            return 'pass'
          }
          const options = { zombies: true, timeoutMs: { count: 3000 }, scoreBatchRecords: 1000 }
          const world = await openWorld(kafka.endpoint, options, { dynamodb: proxy.endpoint })
          await world.bundles.count[0]?.start()
          await world.poll()
          await whole(world, world.feed(LINES, { ratePerS: 3000 }))
          expect(slowed).toBe(3)
          expect(world.bundles.count[0]?.zombies.length).toBeGreaterThan(0)
          await sleep(3000)
          await whole(world)
          world.notes.push(`${refused} writes of boards refused by their condition`)
          expect(refused).toBeGreaterThan(0)
        })

        it('a collector that is paused while another goes on with its run', async () => {
          const { proxy } = await proxied()
          const world = await openWorld(`127.0.0.1:${proxy.port}`)
          await world.poll()
          const file = await world.write(LINES)
          const held: (() => void)[] = []
          proxy.onRequest = ({ apiKey, clientId }, pass) => {
            // The first collector's appends hang until the second has finished its run.
            if (apiKey === PRODUCE && clientId === 'weir' && held.length < 2) held.push(pass)
            else pass()
          }
          const first = world.collector({ WEIR_KAFKA_TIMEOUT_MS: '60000' })
          const begun = first.feedFile(file, 'taken-over').catch((error: unknown) => error)
          await until('an append is held', () => held.length > 0)
          // Its hold ends by itself after ten seconds; here it is the test that says it is gone.
          await world.forgetHolder('taken-over')
          const second = world.collector({})
          await second.feedFile(file, 'taken-over')
          const { repeatedEntries, ...before } = await world.inLog()
          for (const pass of held) pass()
          const error = await begun
          expect(error).toBeInstanceOf(Error)
          if (error instanceof PortError) expect(error.code).toBe('LOCKED')
          expect(await world.inLog()).toMatchObject(before)
          await whole(world)
        })
      })
    })
  })
})

const THROTTLED = {
  status: 400,
  headers: { 'content-type': 'application/x-amz-json-1.0' },
  body: '{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"slow"}',
}

function isWrite({ operation }: SeenRequest): boolean {
  return operation === 'PutItem' || operation === 'TransactWriteItems'
}

function writesProgress(request: SeenRequest, stage: string): boolean {
  return isWrite(request) && request.body.includes(`"progress/${stage}/`)
}
