/**
 * The process of one `weir invoke`: loads functions/NAME/index.ts as it is, with `#ports` resolved to invoke-ports.ts
 * by --conditions=invoke, runs it on one event and reports what it answered and did.
 */
import { pathToFileURL } from 'node:url'
import { topicName } from '../stream/topic.ts'
import type { InvokeAnswer, InvokeOrder } from './invoke.ts'
import { opened, recording } from './invoke-ports.ts'

type Handler = (event: unknown, context: unknown) => Promise<unknown>

async function answer({ file, functionName, event, topics, timeoutMs }: InvokeOrder): Promise<InvokeAnswer> {
  const startedMs = performance.now()
  const { handler } = (await import(pathToFileURL(file).href)) as { handler?: Handler }
  if (typeof handler !== 'function') throw new Error(`${file} exports no handler`)
  const loadedMs = performance.now()
  for (const { stream, partitions } of topics) await makeTopics(stream, partitions)
  const begunMs = performance.now()
  const context = { functionName, getRemainingTimeInMillis: () => timeoutMs - (performance.now() - begunMs) }
  const outcome = await run(handler, event, context)
  const durationMs = performance.now() - begunMs
  return { ...outcome, loadMs: loadedMs - startedMs, durationMs, recording }
}

async function run(handler: Handler, event: unknown, context: unknown) {
  try {
    return { answered: await handler(event, context) }
  } catch (error) {
    return { error: described(error) }
  }
}

/** A deployment has them before its functions; enriched first, as always. */
async function makeTopics(stream: string, partitions: number): Promise<void> {
  for (const { log } of opened)
    for (const kind of ['enriched', 'raw'] as const)
      await log.createTopic(topicName(stream, kind), partitions)
}

function described(error: unknown): NonNullable<InvokeAnswer['error']> {
  const { name, message, stack = '' } = error instanceof Error ? error : new Error(String(error))
  return { name, message, stack }
}

process.once('message', (order: InvokeOrder) => {
  void answer(order)
    .catch((error: unknown): InvokeAnswer => {
      return { error: described(error), loadMs: 0, durationMs: 0, recording }
    })
    .then(async (report) => {
      for (const ports of opened) await ports.close().catch(() => undefined)
      process.send?.(report, () => process.exit(0))
    })
})
