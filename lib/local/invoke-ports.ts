import { PortError } from '../ports/errors.ts'
import type { Ports } from '../ports/ports.ts'
import type { Publisher } from '../ports/publisher.ts'
import { settleEpochMs } from '../state/epoch-length.ts'
import { dataFolder, openStores } from './data-folder.ts'
import { localEpochMs } from './epoch.ts'
import { FileLog } from './file-log.ts'
import { newRecording } from './recording.ts'
import { recordPorts } from './recording-ports.ts'
import { systemClock } from './system-clock.ts'

/** An API Gateway frame. */
const FRAME_BYTES_MAX = 32 * 1024

/** What the function of this process did. */
export const recording = newRecording()

/** The ports the function opened, unrecorded: to prepare its world before, and to close it after. */
export const opened: Ports[] = []

/**
 * What `#ports` means under `weir invoke` (node --conditions=invoke): the embedded ports in this very process, with
 * everything that is done through them written down. Every WebSocket client is there and takes its frames.
 * Reads WEIR_DATA (data folder), WEIR_SITE and WEIR_EPOCH_MS.
 */
export async function openPorts(env: NodeJS.ProcessEnv): Promise<Ports> {
  const { WEIR_DATA: data, WEIR_SITE: site = 'local' } = env
  if (data === undefined) throw new Error('WEIR_DATA is not set: this file is for `weir invoke` only')
  const folder = dataFolder(data)
  const log = await FileLog.open({ dir: folder.logDir, clock: systemClock })
  const { keyed, objects } = await openStores(folder)
  const epochMs = await localEpochMs(keyed, env)
  // Here, so that it is not written down as something the function did.
  await settleEpochMs(keyed, epochMs)
  const close = async () => {
    await log.close()
    await keyed.close()
    await objects.close()
  }
  const metrics = { record: () => undefined }
  const stores = { keyed, objects }
  const ports = { site, epochMs, log, ...stores, publisher: everyone, metrics, clock: systemClock, close }
  opened.push(ports)
  return recordPorts(ports, recording)
}

const everyone: Publisher = {
  maxFrameBytes: FRAME_BYTES_MAX,
  async send(_connectionId, frame) {
    const sizeBytes = Buffer.byteLength(frame)
    if (sizeBytes <= FRAME_BYTES_MAX) return 'sent'
    const message = `a frame of ${sizeBytes} bytes is over the ${FRAME_BYTES_MAX} that API Gateway takes`
    throw new PortError('FRAME_TOO_LARGE', message, { curable: false })
  },
  close: async () => undefined,
}
