import type { Ports } from '../ports/ports.ts'
import { openBackends, openKafka } from './backends.ts'
import { dataFolder } from './data-folder.ts'
import { localEpochMs } from './epoch.ts'
import { HostClient } from './host-client.ts'
import { serverEnv } from './servers.ts'
import { systemClock } from './system-clock.ts'

/**
 * The ports of a function in a worker process: stores opened here, log, clients and figures at the main process; Kafka
 * is reached directly. Reads WEIR_DATA (data folder), WEIR_HOST (socket of the main process), WEIR_SITE, WEIR_EPOCH_MS, and for
 * what is not embedded the variables of servers.ts.
 */
export async function openPorts(env: NodeJS.ProcessEnv): Promise<Ports> {
  const { WEIR_DATA: data, WEIR_HOST: host, WEIR_SITE: site = 'local' } = env
  if (data === undefined || host === undefined)
    throw new Error(
      'WEIR_DATA and WEIR_HOST are not set: a function runs under `weir dev`, `weir replay` or `weir invoke`',
    )
  const servers = serverEnv({}, env)
  const { keyed, objects } = await openBackends(dataFolder(data), servers)
  const client = await HostClient.connect(host)
  const log = (await openKafka(servers)) ?? client
  return {
    site,
    epochMs: await localEpochMs(keyed, env),
    log,
    keyed,
    objects,
    publisher: client,
    metrics: client,
    clock: systemClock,
    close: async () => {
      await log.close()
      await client.close()
      await keyed.close()
      await objects.close()
    },
  }
}
