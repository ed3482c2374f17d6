/**
 * From a record's append to its alert at a WebSocket client at a steady rate, the whole embedded run: the figure that
 * bench/real/latency.ts measures on real servers.
 *
 *     node bench/pipeline/latency.ts [RATE] [SECONDS]
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { printAppendToAlert } from './append-to-alert.ts'

const dir = await mkdtemp(join(tmpdir(), 'weir-bench-'))
try {
  const [, , rate = '5000', seconds = '20'] = process.argv
  await printAppendToAlert(dir, {}, { ratePerS: Number(rate), seconds: Number(seconds) })
} finally {
  await rm(dir, { recursive: true, force: true })
}
