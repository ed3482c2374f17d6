/**
 * Sources that go on for ever, into the embedded log: a followed file and one TCP connection of syslog, a million lines of
 * 90 bytes each. `node bench/collect/live.ts`
 */
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { liveInputs } from '../../lib/collect/inputs.ts'
import { startRun } from '../../lib/collect/run.ts'
import { inFolder, openTestPorts } from '../../test/collect/ports.ts'
import { wordStream } from '../../test/collect/streams.ts'
import { freePort } from '../../test/support/free-port.ts'

const LINES = 1_000_000
const LINE = '<34>1 2026-11-02T08:00:00Z host app 1 - - a syslog line of eighty-nine bytes, as asked xx\n'
const CHUNK = Buffer.from(LINE.repeat(1000))

/** Collects `source` until all lines are in, and prints how fast, from the first record on. */
async function measure(dir: string, source: string, send?: () => Promise<void>): Promise<void> {
  const ports = await openTestPorts(join(dir, source.replace(/\W+/g, '-')))
  const stop = new AbortController()
  let startedMs = performance.now()
  const running = startRun({
    ports,
    stream: wordStream({ keyed: false }),
    sources: [source],
    live: liveInputs([source], { clock: ports.clock, follow: true }) ?? [],
    signal: stop.signal,
    onProgress: ({ recordsIn }) => {
      if (recordsIn >= LINES) stop.abort()
    },
  })
  if (send !== undefined) {
    await ports.clock.sleep(500)
    startedMs = performance.now()
    await send()
  }
  const { recordsIn } = await running
  const seconds = (performance.now() - startedMs) / 1000
  const rate = Math.round(recordsIn / seconds).toLocaleString('en-US')
  console.log(`${source}: ${recordsIn} records, ${rate}/s`)
  await ports.close()
}

async function sendTo(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  for (let sent = 0; sent < LINES; sent += 1000) if (!socket.write(CHUNK)) await once(socket, 'drain')
  socket.end()
}

await inFolder(async (dir) => {
  const path = join(dir, 'followed.log')
  await writeFile(path, Buffer.alloc(LINES * LINE.length, CHUNK))
  await measure(dir, path)
  const port = await freePort()
  await measure(dir, `syslog+tcp://127.0.0.1:${port}`, () => sendTo(port))
})
