import { seededRandom } from '../stream/random.ts'
import { Draw } from './demo-connection.ts'
import type { DemoRecord, DemoStreamOptions } from './demo-record.ts'

const RATE_PER_S = 2
/** Trouble comes in turns: a surge of lines that are usual, and lines of kinds that never were before. */
const TROUBLE_MS = 40_000
const CALM_MS = { from: 70_000, to: 140_000 }
const TROUBLE_RATE_PER_S = 4

interface Kind {
  readonly weight: number
  readonly app: string
  /** RFC 5424: facility * 8 + severity. */
  readonly priority: number
  readonly text: (draw: Draw) => string
}

const HOSTS = ['web-1', 'web-2', 'db-1', 'auth-1'] as const

const USUAL: readonly Kind[] = [
  {
    weight: 30,
    app: 'nginx',
    priority: 30,
    text: (d) => `GET /item/${d.between(1, 9_999)} 200 in ${d.size(18, 0.6)} ms`,
  },
  {
    weight: 16,
    app: 'nginx',
    priority: 30,
    text: (d) => `POST /cart/${d.between(1, 900)} 201 in ${d.size(35, 0.6)} ms`,
  },
  {
    weight: 12,
    app: 'shop',
    priority: 30,
    text: (d) => `order ${d.between(10_000, 99_999)} paid by customer ${d.between(1, 4_000)}`,
  },
  {
    weight: 9,
    app: 'shop',
    priority: 31,
    text: (d) => `cache refreshed: ${d.between(200, 900)} entries in ${d.size(12, 0.4)} ms`,
  },
  {
    weight: 8,
    app: 'sshd',
    priority: 38,
    text: (d) => `Accepted publickey for deploy from ${address(d)} port ${d.port()} ssh2`,
  },
  {
    weight: 7,
    app: 'sshd',
    priority: 38,
    text: (d) => `Disconnected from user deploy ${address(d)} port ${d.port()}`,
  },
  {
    weight: 6,
    app: 'postgres',
    priority: 30,
    text: (d) => `checkpoint complete: wrote ${d.size(400, 0.7)} buffers, ${d.between(1, 9)} files added`,
  },
  {
    weight: 5,
    app: 'postgres',
    priority: 28,
    text: (d) => `connection received: host=${address(d)} port=${d.port()}`,
  },
  {
    weight: 4,
    app: 'cron',
    priority: 78,
    text: (d) => `job backup-${d.between(1, 6)} finished after ${d.size(900, 0.5)} s`,
  },
  {
    weight: 2,
    app: 'kernel',
    priority: 4,
    text: (d) => `TCP: possible SYN flooding on port ${d.port()}. Sending cookies.`,
  },
]

const FAILED_LOGIN: Kind = {
  weight: 1,
  app: 'sshd',
  priority: 36,
  text: (d) =>
    `Failed password for invalid user ${d.of(['admin', 'oracle', 'git', 'guest', 'pi'])} from ${address(d)} port ${d.port()} ssh2`,
}

/** Lines of kinds that no day before had. */
const NEW: readonly Kind[] = [
  {
    weight: 1,
    app: 'kernel',
    priority: 2,
    text: (d) =>
      `EXT4-fs error (device sda${d.between(1, 4)}): bad block ${d.between(1e5, 9e6)}, remounting read-only`,
  },
  {
    weight: 1,
    app: 'shop',
    priority: 27,
    text: (d) => `payment provider refused the certificate: expired ${d.between(1, 20)} days ago`,
  },
  {
    weight: 1,
    app: 'postgres',
    priority: 26,
    text: (d) =>
      `deadlock between transactions ${d.between(1e4, 9e4)} and ${d.between(1e4, 9e4)} on relation orders`,
  },
  {
    weight: 1,
    app: 'nginx',
    priority: 27,
    text: (d) => `upstream shop:${d.port()} is marked down after ${d.between(3, 9)} failures`,
  },
]

/** Syslog lines (RFC 5424) of four hosts. */
export function* demoLogs({ seed, startMs, pastMs = 0 }: DemoStreamOptions): Generator<DemoRecord, never> {
  const draw = new Draw(seededRandom(seed))
  // The past is calm: it is what a first model learns from.
  let trouble = { fromMs: 8_000, nth: 0 }
  for (let atMs = -pastMs; ; ) {
    const troubled = atMs >= trouble.fromMs
    if (atMs >= trouble.fromMs + TROUBLE_MS)
      trouble = { fromMs: atMs + draw.between(CALM_MS.from, CALM_MS.to), nth: trouble.nth + 1 }
    const kind = troubled ? troubledKind(draw, trouble.nth) : usualKind(draw)
    const host = kind === FAILED_LOGIN ? 'auth-1' : draw.of(HOSTS)
    const time = new Date(startMs + atMs).toISOString()
    yield {
      line: `<${kind.priority}>1 ${time} ${host} ${kind.app} ${draw.between(300, 9_000)} - - ${kind.text(draw)}`,
      atMs,
    }
    atMs += draw.gapMs(RATE_PER_S + (troubled && trouble.nth % 2 === 1 ? TROUBLE_RATE_PER_S : 0))
  }
}

function usualKind(draw: Draw): Kind {
  return draw.chance(0.01) ? FAILED_LOGIN : draw.weighted(USUAL)
}

/** Every other time something new, in turns; else somebody tries passwords. */
function troubledKind(draw: Draw, nth: number): Kind {
  if (nth % 2 === 1) return draw.chance(0.65) ? FAILED_LOGIN : usualKind(draw)
  return draw.chance(0.05) ? (NEW[(nth / 2) % NEW.length] ?? FAILED_LOGIN) : usualKind(draw)
}

function address(draw: Draw): string {
  return `10.${draw.between(0, 3)}.${draw.between(0, 255)}.${draw.between(1, 254)}`
}
