import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const { dependencies, devDependencies } = JSON.parse(
  readFileSync(join(ROOT, 'package.json'), 'utf8'),
) as Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>>>
/** What is measured against and tested with, and never shipped (docs/decisions/own-code-on-the-hot-path.md). */
const MEASURED_AGAINST =
  /from '(@aws-sdk\/[^']+|@platformatic\/kafka)'|import\('(@aws-sdk\/[^']+|@platformatic\/kafka)'\)/

test('nothing that runs imports the clients that tests and benchmarks compare with', () => {
  const files = globSync('{lib,bin,functions,streams}/**/*.ts', { cwd: ROOT })
  expect(files.length).toBeGreaterThan(100)
  for (const file of files) expect(readFileSync(join(ROOT, file), 'utf8'), file).not.toMatch(MEASURED_AGAINST)
})

test('they are installed for development only', () => {
  expect(Object.keys(dependencies).filter((name) => name.startsWith('@aws-sdk/'))).toEqual([])
  for (const name of [
    '@aws-sdk/client-kafka',
    '@aws-sdk/client-s3',
    '@aws-sdk/client-dynamodb',
    '@platformatic/kafka',
  ])
    expect(devDependencies, name).toHaveProperty(name)
})
