import { seeded } from '../support/schedule.ts'

const START_MS = Date.UTC(2026, 0, 31, 23, 30)
const PATHS = ['/', '/a.html', '/b.html', '/caf%C3%A9', '/img/x.png', '/search']
const STATUSES = [200, 200, 200, 204, 301, 304, 404, 404, 500, 503]
const AGENTS = ['Mozilla/5.0 (X11; \\"quoted\\")', 'curl/8.5.0', '-', 'Ünïcode/1']
const NO_REQUESTS = ['garbage', '203.0.113.1 - - [bad']

interface Hit {
  readonly client: string
  readonly path: string
  readonly status: number
  readonly bytes: number | undefined
  readonly timeMs: number
}

interface PathTally {
  count: number
  errors: number
  readonly clients: Set<string>
}

/** A log as Apache writes it, and what is in it, counted as it was made. */
export class AccessLog {
  readonly byStatus = new Map<string, { count: number; bytes: number }>()
  readonly byPath = new Map<string, PathTally>()
  /** Each is an alert. */
  probes = 0
  dead = 0
  dropped = 0
  readonly #lines: string[] = []
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = seeded(seed)
  }

  get text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  get lines(): number {
    return this.#lines.length
  }

  /** Traffic of 50 clients, a line a second: probes among it, health checks, comments, and what is no request. */
  traffic(lines: number): void {
    for (let i = 0; i < lines; i++) {
      const timeMs = START_MS + i * 1_000
      const dice = this.#random()
      if (dice < 0.01) this.#plain(this.#pick(NO_REQUESTS), 'dead')
      else if (dice < 0.02) this.#plain('# a comment', 'dropped')
      else if (dice < 0.05)
        this.#plain(
          `10.0.0.1 - - [${apacheTime(timeMs)}] "GET /health HTTP/1.1" 200 2 "-" "check"`,
          'dropped',
        )
      else {
        const client = `198.51.100.${Math.floor(this.#random() * 50)}`
        const probe = dice < 0.06
        const status = probe ? 200 : this.#pick(STATUSES)
        const bytes = status === 304 ? undefined : Math.floor(this.#random() * 1e6)
        if (probe) this.probes++
        this.#hit({ client, path: probe ? '/wp-login.php' : this.#pick(PATHS), status, bytes, timeMs })
      }
    }
  }

  /** One client that asks for so many pages within a minute. */
  crawl(client: string, pages: number): void {
    for (let i = 0; i < pages; i++)
      this.#hit({ client, path: `/p/${i}`, status: 404, bytes: 10, timeMs: START_MS + i * 1_000 })
  }

  #plain(line: string, what: 'dead' | 'dropped'): void {
    this.#lines.push(line)
    this[what]++
  }

  #hit({ client, path, status, bytes, timeMs }: Hit): void {
    const target = this.#random() < 0.3 ? `${path}?q=1` : path
    const request = `${this.#pick(['GET', 'POST'])} ${target} HTTP/1.1`
    const line = `${client} - ${this.#pick(['-', 'frank'])} [${apacheTime(timeMs)}] "${request}" ${status} ${bytes ?? '-'}`
    const rest = ` "${this.#pick(['-', 'https://example.com/?a=b'])}" "${this.#pick(AGENTS)}"`
    this.#lines.push(this.#random() < 0.2 ? line : line + rest)
    const name = `${Math.floor(status / 100)}xx`
    const before = this.byStatus.get(name) ?? { count: 0, bytes: 0 }
    this.byStatus.set(name, { count: before.count + 1, bytes: before.bytes + (bytes ?? 0) })
    const own = this.byPath.get(path) ?? { count: 0, errors: 0, clients: new Set() }
    this.byPath.set(path, own)
    own.count++
    own.clients.add(client)
    if (status >= 500) own.errors++
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)] as T
  }
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** In a zone two hours ahead. */
function apacheTime(ms: number): string {
  const local = new Date(ms + 7_200_000)
  const day = String(local.getUTCDate()).padStart(2, '0')
  const date = `${day}/${MONTHS[local.getUTCMonth()]}/${local.getUTCFullYear()}`
  return `${date}:${local.toISOString().slice(11, 19)} +0200`
}
