import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import { demoSource } from '../../lib/collect/demo-source.ts'
import { startRun } from '../../lib/collect/run.ts'
import { trainDemoModel } from '../../lib/local/demo-model.ts'
import { DEMO_STREAMS, playDemoStream } from '../../lib/local/demo-streams.ts'
import { keepDevAddress } from '../../lib/local/dev-address.ts'
import { DevServer } from '../../lib/local/dev-server.ts'
import { DASHBOARD } from '../../lib/local/static-files.ts'
import { systemClock } from '../../lib/local/system-clock.ts'
import { streams } from '../../streams/index.ts'
import {
  CommandError,
  type CommonOptions,
  say,
  serversOf,
  UsageError,
  withCommonOptions,
} from '../command.ts'
import { stopSignal } from '../run-options.ts'
import { SITE } from '../with-ports.ts'

interface DevOptions extends CommonOptions {
  readonly port: string
  readonly demo?: boolean
}

/** The stream whose traffic the demo makes. */
const DEMO_STREAM = 'network'

export function register(program: Command): void {
  const command = program
    .command('dev')
    .description('Run everything on this machine, with the dashboard.')
    .addOption(
      new Option('--port <port>', 'of the dashboard, the HTTP API and the WebSocket').default('4400'),
    )
    .option(
      '--demo',
      'play network traffic with bursts of attacks, and the other streams while their pages are open',
    )
  withCommonOptions(command).action(run)
}

async function run(options: DevOptions): Promise<void> {
  const port = Number(options.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new UsageError(`--port takes a number from 0 to 65535, got ${JSON.stringify(options.port)}`)
  await buildDashboard()
  const stop = stopSignal()
  const server = await start(options, port)
  const forget = await keepDevAddress(server.pipeline.folder.dir, server.url)
  try {
    say(`Weir is at ${server.url}  (data in ${server.pipeline.folder.dir}; Ctrl-C ends it)`)
    if (options.json === true)
      process.stdout.write(`${JSON.stringify({ url: server.url, pid: process.pid })}\n`)
    if (options.demo === true) await playDemo(server, stop.signal)
    else await aborted(stop.signal)
  } finally {
    await forget()
    await server.stop()
    stop.dispose()
  }
}

async function start(options: DevOptions, port: number): Promise<DevServer> {
  const all = [...streams.values()]
  const demo = options.demo === true
  try {
    return await DevServer.start({
      data: options.data,
      site: SITE,
      port,
      streams: all,
      servers: serversOf(options),
      demo,
      onTrouble: say,
    })
  } catch (error) {
    if (error instanceof Error && error.name === 'Error') throw new CommandError(error.message)
    throw error
  }
}

/** `npm start` builds the page; `npx weir dev` on a fresh checkout finds none. */
async function buildDashboard(): Promise<void> {
  if (existsSync(join(DASHBOARD, 'index.html'))) return
  say('building the dashboard')
  const root = fileURLToPath(new URL('../../web', import.meta.url))
  const { build } = await import('vite')
  await build({ root, configFile: join(root, 'vite.config.ts'), logLevel: 'warn' })
}

/** Plays until stopped. The first time, a model is trained on a calm day, so that there is something to alert with. */
async function playDemo(server: DevServer, signal: AbortSignal): Promise<void> {
  const { ports } = server.pipeline
  const { stream } = server.pipeline.of(DEMO_STREAM)
  const version = await trainDemoModel(ports, stream)
  if (version !== undefined) say(`trained a first model on a calm day of the demo: ${version}`)
  const hide = server.parts.showSource({
    id: 'demo',
    name: 'Demo',
    detail: 'network traffic with bursts of attacks',
  })
  try {
    const source = demoSource({ clock: systemClock, seed: 1 })
    const others = playOthers(server, signal)
    await startRun({ ports, stream, sources: [source], signal })
    await others
  } finally {
    hide()
  }
}

/** What goes wrong with one of them is told, and leaves the others alone. */
async function playOthers(
  { pipeline, attention, streams: served }: DevServer,
  signal: AbortSignal,
): Promise<void> {
  const plays = [...DEMO_STREAMS].flatMap(([name, demo]) => {
    const stream = served.get(name)
    if (stream === undefined) return []
    return playDemoStream({ ports: pipeline.ports, stream, demo, attention, signal }).catch(
      (error: unknown) =>
        say(`the demo of ${name} ended: ${error instanceof Error ? error.message : String(error)}`),
    )
  })
  await Promise.all(plays)
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))
}
