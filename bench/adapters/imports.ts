import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { print } from './measure.ts'

/** `node bench/adapters/imports.ts`: what each client, bundled as for Lambda, costs a cold start, in its own process. */
const MODULES: readonly (readonly [name: string, code: string])[] = [
  ['Kafka: @platformatic/kafka', "export { Producer } from '@platformatic/kafka'"],
  ['Kafka: own', "export { KafkaLog } from '../../lib/aws/kafka-log.ts'"],
  ['DynamoDB: SDK', "export { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'"],
  ['DynamoDB: own', "export { DynamoStore } from '../../lib/aws/dynamo-store.ts'"],
  ['S3: SDK', "export { S3Client, PutObjectCommand } from '@aws-sdk/client-s3'"],
  ['S3: own', "export { S3Store } from '../../lib/aws/s3-store.ts'"],
  ['all ports, none used yet', "export { openPorts } from '../../lib/aws/ports.ts'"],
]
const ROUNDS = 7

const CODE = `const began = performance.now(); const cpu = process.cpuUsage()
await import(process.argv[1])
const { user, system } = process.cpuUsage(cpu)
console.log(JSON.stringify([performance.now() - began, (user + system) / 1000]))`

const folder = await mkdtemp(join(tmpdir(), 'weir-imports-'))
const rows = []
for (const [at, [name, contents]] of MODULES.entries()) {
  const outfile = join(folder, `${at}.mjs`)
  await build({
    stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
    ...{ outfile, bundle: true, minify: true, platform: 'node', format: 'esm', target: 'node24' },
    // Of the library's own need: without it its bundle looks for a file that is not there.
    ...(name.includes('platformatic')
      ? { alias: { '@platformatic/wasm-utils': '@platformatic/wasm-utils/bundled' } }
      : {}),
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  })
  const samples = Array.from({ length: ROUNDS }, () => {
    const args = ['--input-type=module', '-e', CODE, outfile]
    return JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as [number, number]
  })
  const least = (which: 0 | 1): number => Math.round(Math.min(...samples.map((sample) => sample[which])))
  rows.push({ name, kB: Math.round((await stat(outfile)).size / 1000), wallMs: least(0), cpuMs: least(1) })
}
await rm(folder, { recursive: true })
print(`size and import of bundles, best of ${ROUNDS}`, rows)
