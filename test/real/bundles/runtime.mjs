/**
 * Lambda's Node runtime as far as a function sees it: loads one bundle, runs its handler on each event that comes in on
 * fd 3, one at a time. Imports nothing but Node. Argument 1: the bundle's URL; 2: the timeout in ms.
 * Messages are a u32 length (little-endian) and that many bytes.
 */
import { Socket } from 'node:net'

const [, , url, timeoutMs] = process.argv
const channel = new Socket({ fd: 3, readable: true, writable: true })
channel.on('close', () => process.exit(0))
channel.on('error', () => process.exit(0))

function send(answer) {
  const bytes = Buffer.from(JSON.stringify(answer))
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  channel.write(Buffer.concat([length, bytes]))
}

async function run(handler, event) {
  const deadlineMs = Date.now() + Number(timeoutMs)
  const startedMs = performance.now()
  try {
    const context = { getRemainingTimeInMillis: () => deadlineMs - Date.now(), awsRequestId: 'test' }
    const value = await handler(event, context)
    return { ok: true, value, tookMs: performance.now() - startedMs }
  } catch (error) {
    const tookMs = performance.now() - startedMs
    return { ok: false, error: error?.name ?? 'Error', message: String(error?.message ?? error), tookMs }
  }
}

const startedMs = performance.now()
const { handler } = await import(url)
let pending = Buffer.alloc(0)
channel.on('data', (chunk) => {
  pending = Buffer.concat([pending, chunk])
  while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32LE(0)) {
    const end = 4 + pending.readUInt32LE(0)
    const event = JSON.parse(pending.subarray(4, end).toString('utf8'))
    pending = pending.subarray(end)
    run(handler, event).then(send)
  }
})
send({ importMs: performance.now() - startedMs })
