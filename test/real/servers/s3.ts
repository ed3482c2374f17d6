import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { dataFolder, type RunningServer, removeFolder, ServerProcess } from './server-process.ts'
import { cached, MissingTool, requireTools, run } from './tools.ts'

/** The only bucket, there from the start. */
export const TEST_BUCKET = 'weir-test'

export interface RunningS3 extends RunningServer {
  readonly bucket: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

interface GoProgram {
  readonly name: string
  readonly module: string
  readonly version: string
}

const GOFAKES3: GoProgram = {
  name: 'gofakes3',
  module: 'github.com/johannesboyne/gofakes3/cmd/gofakes3',
  version: 'v1.2.0',
}

const VERSITYGW: GoProgram = {
  name: 'versitygw',
  module: 'github.com/versity/versitygw/cmd/versitygw',
  version: 'v1.7.0',
}

/** Letters and digits only, so that the same pair does for DynamoDB Local. */
const KEYS = { accessKeyId: 'weirtest', secretAccessKey: 'weirtestsecret' }

/**
 * gofakes3, in memory. Of the servers tried the only one that, as S3 does, decides a condition and writes in one step:
 * versitygw and S3Mock let two writers win. It takes any name up to S3's limit, and any signature. Rejects with
 * MissingTool.
 */
export async function startS3(): Promise<RunningS3> {
  return start(GOFAKES3, (port) => ({
    args: ['-backend', 'memory', '-host', `127.0.0.1:${port}`, '-initialbucket', TEST_BUCKET],
  }))
}

/** versitygw, over files: it checks every signature as S3 does. Rejects with MissingTool. */
export async function startSignedS3(): Promise<RunningS3> {
  return start(VERSITYGW, async (port, folder) => {
    await mkdir(join(folder, 'buckets', TEST_BUCKET), { recursive: true })
    return {
      args: ['--port', `127.0.0.1:${port}`, '--keep-alive', '--quiet', 'posix', join(folder, 'buckets')],
      env: { ROOT_ACCESS_KEY_ID: KEYS.accessKeyId, ROOT_SECRET_ACCESS_KEY: KEYS.secretAccessKey },
    }
  })
}

interface Command {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

async function start(
  program: GoProgram,
  command: (port: number, folder: string) => Command | Promise<Command>,
): Promise<RunningS3> {
  const binary = await built(program)
  const folder = await dataFolder(program.name)
  const port = await freePort()
  const endpoint = `http://127.0.0.1:${port}`
  const process = new ServerProcess({
    command: binary,
    ...(await command(port, folder)),
    cwd: folder,
    ready: () => fetch(endpoint).then(answered, refused),
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
  return { endpoint, bucket: TEST_BUCKET, ...KEYS, stop }
}

const answered = (): boolean => true
const refused = (): boolean => false

async function built({ name, module, version }: GoProgram): Promise<string> {
  const folder = await cached(`${name}-${version}`, async (making) => {
    await requireTools('go')
    const env = { ...process.env, GOBIN: making }
    await run('go', ['install', `${module}@${version}`], { env }).catch((error) => {
      throw new MissingTool(`Go could not build ${name}: ${String(error.stderr).slice(0, 500)}`)
    })
  })
  return join(folder, name)
}
