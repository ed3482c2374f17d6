import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cached, MissingTool, requireTools, run } from './tools.ts'

export interface Artifact {
  readonly group: string
  readonly name: string
  readonly version: string
  readonly type?: string
}

/** A folder with the artifacts and all they depend on, from Maven Central or the mirror that Maven is set up for. */
export async function mavenFolder(name: string, artifacts: readonly Artifact[]): Promise<string> {
  return cached(name, async (folder) => {
    await requireTools('mvn')
    await writeFile(join(folder, 'pom.xml'), pom(artifacts))
    const copy = ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]
    await run('mvn', copy, { cwd: folder, maxBuffer: 1 << 24 }).catch((error) => {
      const said = `${error.stdout}${error.stderr}`.split('\n').slice(0, 5).join('\n')
      throw new MissingTool(`Maven could not download ${name}:\n${said}`)
    })
  })
}

function pom(artifacts: readonly Artifact[]): string {
  const dependencies = artifacts.map(
    ({ group, name, version, type }) =>
      `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>` +
      `${type === undefined ? '' : `<type>${type}</type>`}</dependency>`,
  )
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>weir</groupId><artifactId>test-servers</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>`
}
