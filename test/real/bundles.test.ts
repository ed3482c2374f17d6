import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { table } from '../../bin/table.ts'
import { functionNames } from '../../lib/infra/functions.ts'
import { listAlerts } from '../../lib/serve/alerts.ts'
import { activeModel } from '../../lib/state/models.ts'
import { SubscriptionStore } from '../../lib/state/subscriptions.ts'
import { AlertClient } from './bundles/alert-client.ts'
import { bundledFunctions } from './bundles/bundled.ts'
import { STAGES, World, type WorldOptions } from './bundles/world.ts'
import { KDD_FILE, kddLines, madeLines } from './network-lines.ts'
import { onServer } from './on-server.ts'
import { startKafka } from './servers/kafka.ts'
import { until } from './until.ts'

const SIZE_BYTES_MAX = 1_500_000
/** Wanted, and printed beside what was measured; times on a busy machine fail no test. */
const IMPORT_MS_WANTED = 250
const IMPORT_MS_WANTED_WITH_KAFKA = 550
/** Where a function's first sample is not its first work: a connection only begins. */
const FIRST_SAMPLES: Readonly<Record<string, string>> = { socket: 'socket-subscribe.json' }
const EVENTS = new URL('../../events/', import.meta.url)

/** What `npm run bundle` makes and a deployment uploads, in bare processes with the variables of the template. */
onServer('kafka', () => {
  onServer('dynamodb', (dynamodb) => {
    onServer('s3', (s3) => {
      describe('the bundles on Kafka, DynamoDB and S3', { timeout: 240_000 }, () => {
        const closing: (() => Promise<void>)[] = []
        afterEach(async () => {
          for (const close of closing.splice(0).reverse()) await close()
        })
        const open = async (options: WorldOptions = {}): Promise<World> => {
          const kafka = await startKafka()
          closing.push(() => kafka.stop())
          const servers = { brokers: kafka.endpoint, dynamodb: dynamodb.endpoint, s3: s3.endpoint }
          const world = await World.open(servers, options)
          closing.push(() => world.close())
          return world
        }

        it('take the network stream through, each record once; all load and answer', async () => {
          const world = await open()
          const alone = new Map<string, number>()
          for (const name of functionNames()) alone.set(name, await world.importMs(name))
          await world.poll()
          const lines = madeLines(20_000)
          await world.feed(lines)
          await world.drained()
          expect((await world.expectExactly(lines)).alerts).toBeGreaterThan(0)
          const answers = new Map<string, string>()
          for (const name of functionNames()) answers.set(name, await firstAnswer(world, name))
          // The first event waits for connections, and for its share of two cores.
          const rows = [...bundledFunctions()].map(([name, { sizeBytes }]) => {
            const { firstEventMs, speaksKafka } = world.process(name)
            const wanted = speaksKafka ? IMPORT_MS_WANTED_WITH_KAFKA : IMPORT_MS_WANTED
            const first = [Math.round(firstEventMs ?? 0), answers.get(name) ?? '']
            return [name, sizeBytes, Math.round(alone.get(name) ?? 0), wanted, ...first]
          })
          const columns = ['function', 'bytes', 'import ms', 'wanted', 'first event ms', 'its answer']
          console.log(table(columns, rows))
          for (const [, { sizeBytes }] of bundledFunctions()) expect(sizeBytes).toBeLessThan(SIZE_BYTES_MAX)
          for (const name of [...STAGES, 'socket', 'train', 'watch']) expect(answers.get(name)).toBe('done')
          for (const name of functionNames()) expect(world.process(name).deaths).toBe(0)
        })

        it('take the first records of KDD Cup 1999 through', async (context) => {
          const lines = await kddLines(30_000)
          if (lines === undefined) return context.skip(`${KDD_FILE} is not there`)
          const world = await open()
          await world.poll()
          await world.feed(lines)
          await world.drained()
          await world.expectExactly(lines)
        })

        it('bring every alert to a WebSocket client once, over a connection that ends and comes back', async () => {
          const world = await open({ env: { WEIR_FRAME_INTERVAL_MS: '50' } })
          const { socketUrl } = world.connections
          const stranger = { accessKeyId: 'weirtest', secretAccessKey: 'a guess' }
          await expect(AlertClient.connect(socketUrl, stranger)).rejects.toThrow('403')
          await world.poll()
          const lines = madeLines(9000)

          const first = await AlertClient.connect(socketUrl)
          first.subscribe()
          await until('the subscription begins', () => first.cursor !== undefined)
          await world.feed(lines.slice(0, 3000))
          await until('alerts arrive', () => first.alerts.length > 0)
          first.send({ action: 'ping' })
          await until('a pong', () => first.messages.some((message) => 'pong' in message))
          first.send({ action: 'dance' })
          await until('a refusal', () => first.messages.some((message) => 'error' in message))
          first.close()
          const subscriptions = new SubscriptionStore(world.ports.keyed, world.ports.clock)
          const [gone = ''] = world.connections.connectionIds
          await until(
            '$disconnect is handled',
            async () => (await subscriptions.channelsOf(gone)).length === 0,
          )

          await world.feed(lines.slice(3000, 6000))
          const second = await AlertClient.connect(socketUrl)
          second.cursor = first.cursor
          second.subscribe()
          await world.feed(lines.slice(6000))
          await world.drained()
          const { alerts } = await world.expectExactly(lines)
          const arrived = () => [...first.alerts, ...second.alerts].map(({ id }) => id)
          await until('all alerts arrive', () => arrived().length >= alerts)
          const stored = await listAlerts(world.ports, world.stream, { since: 'start', limit: 1_000_000 })
          expect(arrived()).toEqual(stored.alerts.map(({ id }) => id))
          expect(first.alerts.length).toBeGreaterThan(0)
          expect(second.alerts.length).toBeGreaterThan(0)
          // Every frame was signed; some may have come for the first client when it had gone.
          expect(world.connections.answered).toContain(200)
          expect(world.connections.answered.filter((status) => status !== 200 && status !== 410)).toEqual([])
          second.close()
        })

        it('train on what the archive has put in the bucket, and score with it without a restart', async () => {
          const world = await open({ model: false })
          await world.poll()
          const lines = madeLines(20_000)
          await world.feed(lines)
          await world.drained()
          expect((await world.expectExactly(lines)).alerts).toBe(0)
          const { pid } = world.process('score')
          const trained = await world.run('train', { stream: 'network', seed: 1 })
          expect(trained).toMatchObject({ stream: 'network', published: true, rows: lines.length })
          const active = await activeModel(world.ports, 'network')
          expect(trained).toMatchObject({ version: active?.version })
          // Running functions look for a new model every few seconds.
          let fed = lines
          await until('a record is scored by the new model', async () => {
            const more = madeLines(2000, fed.length)
            fed = [...fed, ...more]
            await world.feed(more)
            await world.drained()
            return (
              (await listAlerts(world.ports, world.stream, { since: 'start', limit: 10 })).alerts.length > 0
            )
          })
          await world.expectExactly(fed)
          expect(world.process('score').pid).toBe(pid)
        })
      })
    })
  })
})

/** What a function says to its first event: the one it has had, or its first sample in events/. */
async function firstAnswer(world: World, name: string): Promise<string> {
  if (world.process(name).firstEventMs !== undefined) return 'done'
  const own = new RegExp(`^${name}(-[a-z-]+)?\\.json$`)
  const file = FIRST_SAMPLES[name] ?? readdirSync(EVENTS).find((one) => own.test(one))
  if (file === undefined) return 'no sample in events/'
  const event = JSON.parse(readFileSync(new URL(file, EVENTS), 'utf8')) as object
  return world.run(name, event).then(
    () => 'done',
    (error: unknown) => (error instanceof Error ? error.message : String(error)).slice(0, 60),
  )
}
