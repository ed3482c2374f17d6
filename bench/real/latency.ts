/**
 * `node bench/real/latency.ts [RATE] [SECONDS]`: from a record's append in Kafka to its alert at a WebSocket client, at a
 * steady rate (5,000 records a second), the whole of Weir on real servers on this machine.
 */
import { printAppendToAlert } from '../pipeline/append-to-alert.ts'
import { onServers } from './servers.ts'

const [, , rate = '5000', seconds = '20'] = process.argv

await onServers((servers, dir) =>
  printAppendToAlert(dir, servers, { ratePerS: Number(rate), seconds: Number(seconds) }),
)
