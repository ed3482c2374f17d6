import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { KafkaLog } from '../../lib/aws/kafka-log.ts'
import { topicName } from '../../lib/stream/topic.ts'
import { answer, inFolder, WeirProcess } from '../end-to-end/weir.ts'
import { madeLines } from './network-lines.ts'
import { onServer } from './on-server.ts'
import { KafkaProxy, PRODUCE } from './proxies/tcp-proxy.ts'
import { startKafka } from './servers/kafka.ts'

const RAW = topicName('network', 'raw')
const BROKEN = Array.from({ length: 12 }, (_, i) => `not a connection, number ${i}`)

interface Listed {
  readonly deadLetters: readonly { readonly id: string; readonly retried?: { readonly id?: string } }[]
}
interface Retried {
  readonly retried: readonly { readonly id: string; readonly newId: string; readonly now: boolean }[]
}

/** `weir dead-letters retry` on Kafka: killed at its worst moments, and by several at once, each record comes again once. */
onServer('kafka', () => {
  onServer('dynamodb', (dynamodb) => {
    onServer('s3', (s3) => {
      describe('dead letters put in again', () => {
        it('come once each, whoever dies or does it as well', { timeout: 300_000 }, async () => {
          const proxy = await KafkaProxy.start()
          const here = `PLAINTEXT://127.0.0.1:${proxy.port}`
          const kafka = await startKafka({ properties: { 'advertised.listeners': here } })
          proxy.target = kafka.endpoint
          const brokers = `127.0.0.1:${proxy.port}`
          const env = { WEIR_TABLE: randomUUID(), WEIR_BUCKET: randomUUID() }
          try {
            await inFolder(async (dir) => {
              const servers = ['--brokers', brokers, '--dynamodb', dynamodb.endpoint, '--s3', s3.endpoint]
              const all = ['--data', join(dir, 'data'), ...servers]
              const replay = async (name: string, lines: readonly string[]) => {
                await writeFile(join(dir, name), `${lines.join('\n')}\n`)
                return answer(['replay', 'network', join(dir, name), ...all], { env })
              }
              const retry = () =>
                new WeirProcess(['dead-letters', 'retry', 'network', '--all', '--json', ...all], { env })
              const list = () => answer<Listed>(['dead-letters', 'list', 'network', ...all], { env })
              const lines = [...madeLines(500), ...BROKEN]
              expect(await replay('first.csv', lines)).toMatchObject({ deadLettered: BROKEN.length })
              expect((await list()).deadLetters).toHaveLength(BROKEN.length)

              // The third append lands, and the process that sent it never hears of it.
              await killedAt(proxy, retry(), 3, (pass) => pass())
              // The second append stays on its way until others have done everything.
              const late: (() => void)[] = []
              await killedAt(proxy, retry(), 2, (pass) => late.push(pass))
              const both = [retry(), retry()]
              const ended = await Promise.all(both.map((one) => one.ended))
              for (const { code, err } of ended) expect(code, err).toBe(0)
              for (const pass of late) pass()
              expect(late).toHaveLength(1)
              const after = ended.flatMap(({ out }) => (JSON.parse(out) as Retried).retried)
              expect(after.some(({ now }) => now)).toBe(true)

              const { deadLetters } = await list()
              expect(deadLetters.every(({ retried }) => retried?.id !== undefined)).toBe(true)
              // What was put in again dies again, in its own right, once it has been through.
              await replay('second.csv', madeLines(100, 2))
              expect((await list()).deadLetters).toHaveLength(2 * BROKEN.length)
              expect(await countsIn(brokers, lines)).toEqual(
                Object.fromEntries(BROKEN.map((line) => [line, 2])),
              )
              expect(await answer(['verify', 'network', ...all], { env })).toMatchObject({ ok: true })
            })
          } finally {
            await kafka.stop()
            await proxy.stop()
          }
        })
      })
    })
  })
})

/** Kills the process as its nth produce request arrives, whose fate is then decided by `then`. */
async function killedAt(
  proxy: KafkaProxy,
  running: WeirProcess,
  nth: number,
  then: (pass: () => void) => void,
): Promise<void> {
  let produced = 0
  proxy.onRequest = ({ apiKey }, pass) => {
    if (apiKey !== PRODUCE || ++produced !== nth) return pass()
    running.child.kill('SIGKILL')
    then(pass)
  }
  await running.exited
  proxy.onRequest = (_, pass) => pass()
  expect(running.child.signalCode, running.err).toBe('SIGKILL')
  expect(produced).toBe(nth)
}

/** How often each broken line is in raw. */
async function countsIn(brokers: string, lines: readonly string[]): Promise<Record<string, number>> {
  const settings = { clientId: 'reader', requestTimeoutMs: 5000, compression: 'none' } as const
  const log = new KafkaLog({ brokers: [brokers], ...settings })
  const counts: Record<string, number> = {}
  let records = 0
  const { partitions = 0 } = (await log.describeTopic(RAW)) ?? {}
  for (let partition = 0; partition < partitions; partition++) {
    const { end } = await log.offsets(RAW, partition)
    for (let at = 0; at < end; ) {
      for (const batch of await log.read(RAW, partition, at, 1_000_000)) {
        for (const { value } of batch.records) {
          records++
          const text = Buffer.from(value).toString()
          if (BROKEN.includes(text)) counts[text] = (counts[text] ?? 0) + 1
        }
        at = batch.baseOffset + batch.records.count
      }
    }
  }
  await log.close()
  expect(records).toBe(lines.length + BROKEN.length + 100)
  return counts
}
