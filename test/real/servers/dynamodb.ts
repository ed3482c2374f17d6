import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../support/free-port.ts'
import { mavenFolder } from './maven.ts'
import { dataFolder, type RunningServer, removeFolder, ServerProcess } from './server-process.ts'
import { MissingTool, requireTools, run } from './tools.ts'

const VERSION = '3.0.0'
const SQLITE = { group: 'com.almworks.sqlite4java', version: '1.0.392' }

/** Amazon's DynamoDB Local, in memory, one database whatever the key or region. Rejects with MissingTool. */
export async function startDynamoDb(): Promise<RunningServer> {
  await requireTools('java')
  await run('java', ['--list-modules']).then(({ stdout }) => {
    if (!stdout.includes('jdk.compiler'))
      throw new MissingTool('DynamoDB Local needs a JDK here, not only a JRE')
  })
  const jars = await dynamoDbJars()
  const folder = await dataFolder('dynamodb')
  const port = await freePort()
  const process = new ServerProcess({
    command: 'java',
    args: [
      ...['-Xmx512m', '-XX:+UseSerialGC', '-cp', `${jars}/*`, `-Djava.library.path=${jars}`],
      join(import.meta.dirname, 'LoopbackDynamoDB.java'),
      ...['-inMemory', '-sharedDb', '-disableTelemetry', '-port', String(port)],
    ],
    cwd: folder,
    ready: (log) => log.includes('DynamoDB Local is ready'),
    timeoutMs: 60_000,
  })
  const stop = async (): Promise<void> => {
    await process.stop('SIGKILL')
    await removeFolder(folder)
  }
  await process.start().catch(async (error) => {
    await stop()
    throw error
  })
  return { endpoint: `http://127.0.0.1:${port}`, stop }
}

async function dynamoDbJars(): Promise<string> {
  const artifacts = [
    { group: 'software.amazon.dynamodb', name: 'DynamoDBLocal', version: VERSION },
    { ...SQLITE, name: 'libsqlite4java-linux-amd64', type: 'so' },
  ]
  const folder = await mavenFolder(`dynamodb-local-${VERSION}`, artifacts)
  // Java looks for the library under its name without the version.
  const library = 'libsqlite4java-linux-amd64'
  await copyFile(join(folder, `${library}-${SQLITE.version}.so`), join(folder, `${library}.so`))
  return folder
}
