import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { dataFolder, freePort, type RunningServer, removeFolder, ServerProcess } from './server-process.ts'
import { cached, MissingTool, requireTools, run } from './tools.ts'

const MODULE = 'github.com/versity/versitygw/cmd/versitygw'
const VERSION = 'v1.7.0'

/** The only bucket, there from the start. */
export const TEST_BUCKET = 'weir-test'

export interface RunningS3 extends RunningServer {
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

/** Versity's S3 gateway over a folder of its own. Rejects with MissingTool. */
export async function startS3(): Promise<RunningS3> {
  const program = await versitygw()
  const folder = await dataFolder('s3')
  await mkdir(join(folder, 'buckets', TEST_BUCKET), { recursive: true })
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  // Letters and digits only, so that the same pair does for DynamoDB Local.
  const keys = { accessKeyId: 'weirtest', secretAccessKey: 'weirtestsecret' }
  const process = new ServerProcess({
    command: program,
    args: ['--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', 'posix', join(folder, 'buckets')],
    cwd: folder,
    env: { ROOT_ACCESS_KEY_ID: keys.accessKeyId, ROOT_SECRET_ACCESS_KEY: keys.secretAccessKey },
    ready: () =>
      fetch(endpoint)
        .then(() => true)
        .catch(() => false),
    timeoutMs: 30_000,
  })
  const stop = async (): Promise<void> => {
    await process.stop('SIGKILL')
    await removeFolder(folder)
  }
  await process.start().catch(async (error) => {
    await stop()
    throw error
  })
  return { endpoint, bucket: TEST_BUCKET, ...keys, stop }
}

async function versitygw(): Promise<string> {
  const folder = await cached(`versitygw-${VERSION}`, async (making) => {
    await requireTools('go')
    await run('go', ['install', `${MODULE}@${VERSION}`], { env: { ...process.env, GOBIN: making } }).catch(
      (error) => {
        throw new MissingTool(`Go could not build versitygw: ${String(error.stderr).slice(0, 500)}`)
      },
    )
  })
  return join(folder, 'versitygw')
}
