import { existsSync } from 'node:fs'
import { openBackends, openKafka, prepareServers } from '../lib/local/backends.ts'
import { type DataFolder, dataFolder } from '../lib/local/data-folder.ts'
import { localEpochMs } from '../lib/local/epoch.ts'
import { FileLog } from '../lib/local/file-log.ts'
import { FileLogReader } from '../lib/local/file-log-reader.ts'
import { hostSocketPath } from '../lib/local/host.ts'
import { HostClient } from '../lib/local/host-client.ts'
import { LazyLog } from '../lib/local/lazy-log.ts'
import { systemClock } from '../lib/local/system-clock.ts'
import { PortError, type PortErrorCode } from '../lib/ports/errors.ts'
import type { EventLog } from '../lib/ports/event-log.ts'
import type { Ports } from '../lib/ports/ports.ts'
import type { Publisher } from '../lib/ports/publisher.ts'
import { CommandError, type CommonOptions, serversOf } from './command.ts'

/** Frames of a command that no browser is connected to. */
export const NO_PUBLISHER: Publisher = {
  maxFrameBytes: 32 * 1024,
  send: async () => 'gone',
  close: async () => undefined,
}

/** The site every local command works for. */
export const SITE = 'local'

const LOCKED_MS_MAX = 3_000
const LOCKED_POLL_MS = 50

/**
 * Runs `action` on the ports of a data folder, beside a running `weir dev` too. The log is only looked at until `action`
 * first writes to it: then it is reached through that process, and opened here otherwise. What the options name servers
 * for is there instead.
 */
export async function withPorts<T>(options: CommonOptions, action: (ports: Ports) => Promise<T>): Promise<T> {
  const folder = dataFolder(options.data)
  const servers = serversOf(options)
  await prepareServers(servers)
  const { keyed, objects } = await openBackends(folder, servers)
  const reader = servers.WEIR_BROKERS ? undefined : new FileLogReader(folder.logDir)
  const open = async () => (await openKafka(servers)) ?? openLog(folder.dir, folder.logDir)
  const log = new LazyLog(open, reader)
  const metrics = { record: () => undefined }
  const close = async () => {
    await log.close()
    await keyed.close()
    await objects.close()
  }
  try {
    return await action({
      site: SITE,
      epochMs: await localEpochMs(keyed, process.env),
      log,
      keyed,
      objects,
      publisher: NO_PUBLISHER,
      metrics,
      clock: systemClock,
      close,
    })
  } finally {
    await close()
  }
}

/**
 * As `withPorts`, for a command that only makes sense where there is data: a mistyped folder must not be made and then look
 * like an empty one. Throws a CommandError.
 */
export async function withData<T>(options: CommonOptions, action: (ports: Ports) => Promise<T>): Promise<T> {
  const { WEIR_DYNAMODB_ENDPOINT } = serversOf(options)
  const folder = dataFolder(options.data)
  if (!WEIR_DYNAMODB_ENDPOINT && !hasData(folder))
    throw new CommandError(
      `there is no data in ${folder.dir}: give the folder with --data, or make one with \`weir dev\` or \`weir replay\``,
    )
  return withPorts(options, action)
}

function hasData({ statePath, logDir }: DataFolder): boolean {
  return existsSync(statePath) || existsSync(logDir)
}

/** A short command has the log for a moment; the one that runs the pipeline serves it to others. Rejects with LOCKED. */
async function openLog(dir: string, logDir: string): Promise<EventLog> {
  const untilMs = Date.now() + LOCKED_MS_MAX
  for (;;) {
    try {
      return await FileLog.open({ dir: logDir, clock: systemClock })
    } catch (error) {
      if (!isPortError(error, 'LOCKED')) throw error
      const served = await HostClient.connect(hostSocketPath(dir)).catch((refused: unknown) => {
        if (!isPortError(refused, 'UNAVAILABLE')) throw refused
      })
      if (served !== undefined) return served
      if (Date.now() > untilMs) throw error
      await systemClock.sleep(LOCKED_POLL_MS)
    }
  }
}

function isPortError(error: unknown, code: PortErrorCode): boolean {
  return error instanceof PortError && error.code === code
}
