/**
 * The main file of a worker process: loads one function and runs it on each event that comes in, one at a time, as
 * Lambda's runtime does. Started by worker-process.ts with the function's file as its argument and fd 3 as its channel.
 */
import { enableCompileCache } from 'node:module'
import { Socket } from 'node:net'
import { pathToFileURL } from 'node:url'
import { FrameReader, sendMessage } from './worker-frames.ts'

/** Memory that everything is read through. */
const CHUNK_BYTES = 256 * 1024

/** What a worker answers: what the handler returned, or the error it threw. */
export type WorkerAnswer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: string; readonly message: string }

interface LoadedFunction {
  readonly handler: (event: unknown, context: unknown) => Promise<unknown>
}

async function main(file: string, timeoutMs: number): Promise<void> {
  enableCompileCache()
  let loaded: LoadedFunction | undefined
  const reader = new FrameReader((bytes) => {
    // Nobody sends an event before the worker is ready.
    if (loaded === undefined) return
    void run(loaded.handler, bytes, timeoutMs).then((answer) =>
      sendMessage(channel, [Buffer.from(JSON.stringify(answer))]),
    )
  })
  const onread = {
    buffer: Buffer.allocUnsafeSlow(CHUNK_BYTES),
    callback: (count: number, chunk: Uint8Array) => {
      reader.push(Buffer.from(chunk.buffer, chunk.byteOffset, count))
      return true
    },
  }
  const channel = new Socket({ fd: 3, readable: true, writable: true, onread })
  // Whoever started this worker is gone: nothing that it does now would be acknowledged.
  channel.on('close', () => process.exit(0))
  channel.on('error', () => process.exit(0))
  loaded = (await import(pathToFileURL(file).href)) as LoadedFunction
  sendMessage(channel, [Buffer.from('"ready"')])
}

async function run(
  handler: LoadedFunction['handler'],
  bytes: Buffer,
  timeoutMs: number,
): Promise<WorkerAnswer> {
  const deadlineMs = Date.now() + timeoutMs
  const context = { getRemainingTimeInMillis: () => deadlineMs - Date.now() }
  try {
    return { ok: true, value: await handler(JSON.parse(bytes.toString('utf8')), context) }
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error))
    return { ok: false, error: name, message }
  }
}

const [, , file, timeoutMs] = process.argv
await main(file ?? '', Number(timeoutMs))
