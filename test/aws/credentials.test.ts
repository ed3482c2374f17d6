import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { kept, standardCredentials } from '../../lib/aws/http/credentials.ts'
import { type Answer, type Asked, FakeService } from './fake-service.ts'

let service: FakeService | undefined
let folder: string | undefined
afterEach(async () => {
  await service?.stop()
  if (folder !== undefined) await rm(folder, { recursive: true })
  service = folder = undefined
})

async function container(reply: (asked: Asked, nth: number) => Answer): Promise<NodeJS.ProcessEnv> {
  service = await new FakeService(reply).start()
  return { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${service.endpoint}/v1/credentials`, PATH: '/nowhere' }
}

function answer(key: string, expiresInMs: number): Answer {
  const Expiration = new Date(Date.now() + expiresInMs).toISOString()
  return {
    status: 200,
    body: JSON.stringify({ AccessKeyId: key, SecretAccessKey: 's', Token: 't', Expiration }),
  }
}

describe("a container's credentials", () => {
  it('are asked for once, with the token of the pod', async () => {
    const env = await container(() => answer('k', 3_600_000))
    folder = await mkdtemp(join(tmpdir(), 'weir-token-'))
    await writeFile(join(folder, 'token'), 'pod token\n')
    const credentials = standardCredentials({
      ...env,
      AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: join(folder, 'token'),
    })
    const [one, two] = await Promise.all([credentials(), credentials()])
    expect(one).toMatchObject({ accessKeyId: 'k', sessionToken: 't' })
    expect(two).toBe(one)
    expect(service?.asked.map(({ headers }) => headers.authorization)).toEqual(['pod token'])
  })

  it('are asked for again before they expire', async () => {
    const env = await container((_, nth) => answer(`k${nth}`, nth === 0 ? 60_000 : 3_600_000))
    const credentials = standardCredentials(env)
    const found = []
    for (let i = 0; i < 3; i++) found.push((await credentials()).accessKeyId)
    expect(found).toEqual(['k0', 'k1', 'k1'])
  })

  it('reject, curable, where the endpoint fails, and are asked for again', async () => {
    const env = await container((_, nth) => (nth === 0 ? { status: 500 } : answer('k', 3_600_000)))
    const credentials = standardCredentials(env)
    await expect(credentials()).rejects.toMatchObject({ code: 'UNAVAILABLE', curable: true })
    expect((await credentials()).accessKeyId).toBe('k')
  })
})

describe('credentials of the AWS command line', () => {
  it('are what it prints', async () => {
    folder = await mkdtemp(join(tmpdir(), 'weir-aws-'))
    const printed = JSON.stringify({
      Version: 1,
      AccessKeyId: 'cli',
      SecretAccessKey: 's',
      SessionToken: 't',
    })
    await writeFile(join(folder, 'aws'), `#!/bin/sh\necho '${printed}'\n`, { mode: 0o755 })
    const found = await standardCredentials({ PATH: `${folder}:${process.env.PATH}` })()
    expect(found).toMatchObject({ accessKeyId: 'cli', sessionToken: 't' })
  })
})

describe('kept credentials', () => {
  it('without an end are never asked for again', async () => {
    let asked = 0
    const credentials = kept(async () => ({ accessKeyId: `${asked++}`, secretAccessKey: 's' }))
    for (let i = 0; i < 3; i++) expect((await credentials()).accessKeyId).toBe('0')
  })
})
