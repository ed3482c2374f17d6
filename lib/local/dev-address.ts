import { readFileSync } from 'node:fs'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isServed } from './host-socket.ts'

/** Where the server of a data folder is, kept there while it runs, so that other commands find it at whatever port. */
export async function keepDevAddress(dir: string, url: string): Promise<() => Promise<void>> {
  const path = pathOf(dir)
  const own = `${path}.${process.pid}`
  await writeFile(own, JSON.stringify({ url, pid: process.pid }))
  await rename(own, path)
  return () => rm(path, { force: true })
}

/** `http://localhost:<port>` of the server that runs on the data folder; undefined where none does. */
export async function devAddress(dir: string): Promise<string | undefined> {
  const url = kept(dir)
  // A server that was killed has left its address behind.
  return url !== undefined && (await isServed(dir)) ? url : undefined
}

function kept(dir: string): string | undefined {
  try {
    const { url } = JSON.parse(readFileSync(pathOf(dir), 'utf8')) as { readonly url?: unknown }
    return typeof url === 'string' && URL.canParse(url) ? url : undefined
  } catch {
    return undefined
  }
}

function pathOf(dir: string): string {
  return join(dir, 'dev.json')
}
