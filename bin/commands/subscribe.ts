import { type Command, Option } from 'commander'
import { devAddress } from '../../lib/local/dev-address.ts'
import { alertChannel, trendsStream } from '../../lib/serve/channel.ts'
import type { AlertsMessage, TrendsMessage } from '../../lib/serve/dashboard-messages.ts'
import { readCursor } from '../../lib/state/alert-cursor.ts'
import { SEVERITIES } from '../../lib/stream/alert.ts'
import type { Severity } from '../../lib/stream/detector.ts'
import { type ConnectionState, WeirClient } from '../../web/src/client/weir-client.ts'
import { alertLine } from '../alert-line.ts'
import { CommandError, type CommonOptions, print, say, UsageError, withCommonOptions } from '../command.ts'
import { untilInterrupted } from '../interrupt.ts'
import { slideText } from '../slide-text.ts'

interface SubscribeOptions extends CommonOptions {
  readonly url?: string
  readonly since?: string
  readonly severity?: readonly Severity[]
  readonly group?: readonly string[]
  readonly limit?: string
}

export function register(program: Command): void {
  const command = program
    .command('subscribe')
    .description('Print what a WebSocket endpoint pushes, reconnecting where it left off, until Ctrl-C.')
    .argument('<channel>', 'incidents/<stream>, grouped, alerts/<stream>, each by itself, or trends/<stream>')
    .option(
      '--url <url>',
      'the endpoint: wss:// of a deployment (default: that of the weir dev of --data, or of port 4400)',
    )
    .option('--since <cursor>', 'from after this cursor on, or start: all there is (default: from now on)')
    .addOption(new Option('--severity <severity...>', 'only these').choices(SEVERITIES))
    .option('--group <group...>', 'only these groups')
    .option(
      '--limit <n>',
      'end after so many alerts, incidents or slides; with --json after the frame that has the last of them',
    )
  withCommonOptions(command).action(run)
}

async function run(channel: string, options: SubscribeOptions): Promise<void> {
  const name = channelOption(channel)
  const { since, severity, group } = options
  const trends = trendsStream(name) !== undefined
  if (trends && (severity !== undefined || group !== undefined))
    throw new UsageError('--severity and --group choose among alerts: trends have none')
  if (since !== undefined && !(trends ? isTime(since) : readCursor(since) !== undefined))
    throw new UsageError(
      `--since takes a cursor from an earlier message, or start; got ${JSON.stringify(since)}`,
    )
  const where = { ...(severity && { severity }), ...(group && { group }) }
  const url = options.url ?? (await localUrl(options.data))
  checkUrl(url)
  const createSocket = await socketFactory(url)
  let left = limitOption(options.limit)
  await untilInterrupted(async (signal) => {
    const ended = Promise.withResolvers<void>()
    signal.addEventListener('abort', () => ended.resolve())
    const client = new WeirClient({
      url,
      createSocket,
      onState: sayState(url),
      onRefused: ({ code, message }) => {
        if (code === 'INTERNAL') say(message)
        else ended.reject(new CommandError(`${name}: ${message} (${code})`))
      },
    })
    const from = since === undefined ? {} : { since }
    const filter = Object.keys(where).length === 0 ? {} : { where }
    client.subscribe(name, { ...from, ...filter }, (message) => {
      left -= show(options, message, left)
      if (left <= 0) ended.resolve()
    })
    await ended.promise.finally(() => client.close())
  })
}

/** Of the server that runs on the data folder, else where one would be. */
async function localUrl(data: string): Promise<string> {
  const url = (await devAddress(data)) ?? 'http://localhost:4400'
  return `${url.replace(/^http/, 'ws')}/ws`
}

/** Throws a UsageError for an address that no attempt can reach. */
function checkUrl(url: string): void {
  if (URL.canParse(url) && /^wss?:$/.test(new URL(url).protocol)) return
  throw new UsageError(`--url takes an address such as ws://localhost:4400/ws, got ${JSON.stringify(url)}`)
}

/** Connects as the AWS user of this terminal where the endpoint is a deployment: each attempt is signed anew. */
async function socketFactory(url: string): Promise<(url: string) => WebSocket> {
  if (!/^wss:\/\/[^/]+\.execute-api\./.test(url)) return (address) => new WebSocket(address)
  const { connectUrl } = await import('../../lib/aws/connect-url.ts')
  const { standardCredentials } = await import('../../lib/aws/http/credentials.ts')
  const load = standardCredentials(process.env)
  let credentials = await load()
  return (address) => {
    // They may run out while the terminal listens; the next attempt has the new ones.
    load().then(
      (fresh) => {
        credentials = fresh
      },
      (error: unknown) => say(String(error)),
    )
    return new WebSocket(connectUrl(address, credentials, Date.now()))
  }
}

/** Prints a message, for people no more than `limit` of it. Returns how many alerts or slides it had. */
function show(options: SubscribeOptions, message: AlertsMessage | TrendsMessage, limit: number): number {
  const [count, texts] =
    'slides' in message
      ? [message.slides.length, message.slides.map((slide) => `${slideText(slide)}\n`)]
      : [message.alerts.length, message.alerts.map(alertLine)]
  if (options.json === true) print(options, message, () => '')
  else for (const text of texts.slice(0, limit)) print(options, message, () => text)
  return count
}

function isTime(since: string): boolean {
  return since === 'start' || /^\d{1,15}$/.test(since)
}

/** Says on stderr what becomes of the connection, but not every attempt. */
function sayState(url: string): (state: ConnectionState) => void {
  let lost = true
  return (state) => {
    if (state.kind === 'open' && lost) say(`connected to ${url}`)
    if (state.kind === 'waiting' && state.attempt === 1)
      say(`no connection to ${url}; trying again until Ctrl-C`)
    lost = state.kind !== 'open'
  }
}

function channelOption(name: string): AlertsMessage['channel'] | TrendsMessage['channel'] {
  const channel = alertChannel(name)
  if (channel !== undefined) return `${channel.kind}/${channel.stream}`
  const stream = trendsStream(name)
  if (stream !== undefined) return `trends/${stream}`
  throw new UsageError(
    `expected a channel such as incidents/network, alerts/network or trends/posts, got ${JSON.stringify(name)}`,
  )
}

function limitOption(text: string | undefined): number {
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new UsageError(`--limit takes a whole number from 1 up, got ${JSON.stringify(text)}`)
}
