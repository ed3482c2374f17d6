import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { mavenFolder } from '../../real/servers/maven.ts'
import { cacheFolder } from '../../real/servers/tools.ts'

/**
 * Other readers of Parquet that tests read master files with. They are fetched on request, `WEIR_READERS=1`, and kept in
 * ~/.cache/weir; once there, every run uses them.
 */
const run = promisify(execFile)
const PYTHON = 'python-parquet-readers-1'
const JAVA = 'parquet-java-1.15.2'
const FETCH = process.env.WEIR_READERS === '1'

/** A Python that has pyarrow and polars; undefined where it is not to be had. */
export async function pythonWithReaders(): Promise<string | undefined> {
  const python = join(cacheFolder(), PYTHON, 'bin', 'python')
  const ready = join(cacheFolder(), PYTHON, 'ready')
  if (existsSync(ready)) return python
  if (!FETCH) return undefined
  // A virtual environment knows its own path, so it is made where it stays.
  await run('python3', ['-m', 'venv', join(cacheFolder(), PYTHON)])
  await run(python, ['-m', 'pip', '-q', 'install', 'pyarrow==26.0.1', 'polars==2.1.0'], { maxBuffer: 1e8 })
  await writeFile(ready, '')
  return python
}

/** A folder of jars with parquet-java; undefined where it is not to be had. */
export async function parquetJava(): Promise<string | undefined> {
  if (!FETCH && !existsSync(join(cacheFolder(), JAVA))) return undefined
  return mavenFolder(JAVA, [
    { group: 'org.apache.parquet', name: 'parquet-hadoop', version: '1.15.2' },
    { group: 'org.apache.hadoop', name: 'hadoop-client-api', version: '3.4.1' },
    { group: 'org.apache.hadoop', name: 'hadoop-client-runtime', version: '3.4.1' },
  ])
}
