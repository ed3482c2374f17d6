import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { runDefinition } from './bundles/state-machine.ts'
import { World } from './bundles/world.ts'
import { madeLines } from './network-lines.ts'
import { onServer } from './on-server.ts'
import { startKafka } from './servers/kafka.ts'

/** The state machine as it is deployed, its tasks done by the bundles, on what the other bundles have archived. */
onServer('kafka', () => {
  onServer('dynamodb', (dynamodb) => {
    onServer('s3', (s3) => {
      describe('a recompute by bundles', () => {
        it('takes over from the boards without a record more or less, though its functions die', {
          timeout: 300_000,
        }, async () => {
          const kafka = await startKafka()
          const env = { WEIR_EPOCH_MS: '1000', WEIR_SLACK_MS: '500' }
          const servers = { brokers: kafka.endpoint, dynamodb: dynamodb.endpoint, s3: s3.endpoint }
          const world = await World.open(servers, { env })
          const lines = madeLines(9000)
          const ran: string[] = []
          const kills = new Set(['recompute', 'merge', 'publish'])
          // A bundle's process takes one event at a time.
          let last: Promise<unknown> = Promise.resolve()
          const run = (name: string, event: object): Promise<unknown> => {
            const mine = last.then(async () => {
              ran.push(name)
              // In the middle of its work, not of its start.
              await world.process(name).start()
              const answer = world.run(name, event)
              if (kills.delete(name)) setTimeout(() => world.process(name).kill(), 30)
              return answer
            })
            last = mine.catch(() => undefined)
            return mine
          }
          try {
            await world.poll()
            await world.feed(lines.slice(0, 4000))
            await world.drained()
            await sleep(2000)
            const first = await runDefinition({ stream: 'network' }, 'first', run)
            expect(first).toMatchObject({ stream: 'network', published: true, late: [] })
            await world.expectExactly(lines.slice(0, 4000))
            await world.feed(lines.slice(4000, 7000))
            await world.drained()
            await world.expectExactly(lines.slice(0, 7000))
            await sleep(2000)
            const second = await runDefinition({ stream: 'network' }, 'second', run)
            expect(second).toMatchObject({ published: true })
            await world.feed(lines.slice(7000))
            await world.drained()
            await world.expectExactly(lines)
            expect(kills.size).toBe(0)
            const deaths = ['recompute', 'merge', 'publish'].map((name) => world.process(name).deaths)
            console.log(
              `${ran.length} tasks, ${deaths.join(' + ')} of them killed: ${[...new Set(ran)].join(', ')}`,
            )
            expect(new Set(ran)).toEqual(new Set(['plan', 'recompute', 'merge', 'publish', 'expire']))
            expect(deaths.reduce((a, b) => a + b)).toBeGreaterThan(0)
          } finally {
            await world.close()
            await kafka.stop()
          }
        })
      })
    })
  })
})
