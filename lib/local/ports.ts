import type { Ports } from '../ports/ports.ts'
import { dataFolder, openStores } from './data-folder.ts'
import { HostClient } from './host-client.ts'
import { systemClock } from './system-clock.ts'

/**
 * The ports of a function in a worker process: stores opened here, log, clients and figures at the main process.
 * Reads WEIR_DATA (data folder), WEIR_HOST (socket of the main process) and WEIR_SITE.
 */
export async function openPorts(env: NodeJS.ProcessEnv): Promise<Ports> {
  const { WEIR_DATA: data, WEIR_HOST: host, WEIR_SITE: site = 'local' } = env
  if (data === undefined || host === undefined)
    throw new Error(
      'WEIR_DATA and WEIR_HOST are not set: a function runs under `weir dev`, `weir replay` or `weir invoke`',
    )
  const { keyed, objects } = await openStores(dataFolder(data))
  const client = await HostClient.connect(host)
  return {
    site,
    log: client,
    keyed,
    objects,
    publisher: client,
    metrics: client,
    clock: systemClock,
    close: async () => {
      await client.close()
      await keyed.close()
      await objects.close()
    },
  }
}
