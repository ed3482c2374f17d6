import { readFile } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the built dashboard lies; WEIR_DASHBOARD names another folder. */
export const DASHBOARD =
  process.env.WEIR_DASHBOARD ?? fileURLToPath(new URL('../../web/dist', import.meta.url))

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.woff2': 'font/woff2',
}

/** Answers with a file of the built dashboard; with its page for every path that is not a file. */
export async function serveStatic(path: string, response: ServerResponse): Promise<void> {
  const file = normalize(join(DASHBOARD, path === '/' ? 'index.html' : path))
  const inside = file.startsWith(DASHBOARD + sep)
  const bytes = inside ? await readFile(file).catch(() => undefined) : undefined
  if (bytes !== undefined) {
    const cache = path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'
    response.writeHead(200, {
      'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
      'cache-control': cache,
    })
    response.end(bytes)
    return
  }
  const page = await readFile(join(DASHBOARD, 'index.html')).catch(() => undefined)
  if (page === undefined || extname(path) !== '') {
    response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(
      page === undefined ? 'The dashboard is not built: run `npm run build:web`.\n' : 'Not found\n',
    )
    return
  }
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' })
  response.end(page)
}
