import { cp, mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'

const ROOT = join(import.meta.dirname, '../..')
const CODE = ['bin', 'lib', 'functions', 'streams', 'web/src', 'package.json', 'tsconfig.json', 'cdk.json']

/** A copy of the project's code in `dir`, with its dependencies: for tests that change its streams as an author would. */
export async function copyProject(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true })
  for (const part of CODE) await cp(join(ROOT, part), join(dir, part), { recursive: true })
  await symlink(join(ROOT, 'node_modules'), join(dir, 'node_modules'))
}
