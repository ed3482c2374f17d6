import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { streams } from '../../streams/index.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'weir-synth-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A proxy where nothing listens: whatever tries to reach the network fails. */
const NOWHERE = 'http://127.0.0.1:9'

test('npx cdk synth makes the whole pipeline, offline, without credentials', async () => {
  const env = {
    PATH: `${resolve('node_modules/.bin')}:${process.env.PATH}`,
    HOME: folder,
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
  }
  const args = ['synth', '--quiet', '--output', join(folder, 'cdk.out')]
  await promisify(execFile)(resolve('node_modules/.bin/cdk'), args, { env, timeout: 240_000 })
  const template = readFileSync(join(folder, 'cdk.out', 'Weir-main.template.json'), 'utf8')
  const { Resources } = JSON.parse(template) as { Resources: Record<string, { Type: string }> }
  const mappings = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::EventSourceMapping')
  expect(mappings).toHaveLength(streams.size * 4)
}, 240_000)

test.each([
  [{ kafka: 'cassandra' }, 'weir: context "kafka" must be one of standard, express, none, got "cassandra"\n'],
  [{ brokers: 4 }, 'weir: context "brokers" must be a multiple of 3 zones, got 4\n'],
])(
  'a setting that cannot be taken is said in one line: %j',
  async (context, message) => {
    const env = {
      PATH: process.env.PATH ?? '',
      CDK_CONTEXT_JSON: JSON.stringify(context),
      CDK_OUTDIR: join(folder, 'out'),
    }
    const ended = await promisify(execFile)(process.execPath, ['bin/app.ts'], {
      env,
      timeout: 240_000,
    }).catch((error: unknown) => error as { readonly code: number; readonly stderr: string })
    expect(ended).toMatchObject({ code: 1, stderr: message })
  },
  240_000,
)
