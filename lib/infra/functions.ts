import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const PROJECT = fileURLToPath(new URL('../../', import.meta.url))
export const FUNCTIONS = join(PROJECT, 'functions')

/** Every function there is, by the name of its folder under functions/, in order. */
export function functionNames(): readonly string[] {
  const folders = existsSync(FUNCTIONS) ? readdirSync(FUNCTIONS) : []
  return folders.filter((name) => existsSync(join(FUNCTIONS, name, 'index.ts'))).sort()
}
