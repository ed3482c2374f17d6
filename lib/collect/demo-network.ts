import { seededRandom } from '../stream/random.ts'
import { ATTACKS, type DemoAttack } from './demo-attacks.ts'
import { CONTENT_FIELDS, type DemoDraft, Draw } from './demo-connection.ts'
import { ConnectionHistory } from './demo-history.ts'
import { normalConnection } from './demo-normal.ts'

/** One made-up connection. */
export interface DemoConnection {
  /** 41 features and the label, as a line of a KDD Cup 1999 file. */
  readonly line: string
  /** `normal.` or the name of the attack. */
  readonly label: string
  /** When it comes, ms since the start; never earlier than the one before. */
  readonly atMs: number
}

export interface DemoOptions {
  readonly seed: number
  /** Connections a second on a calm day, default 60. Attacks come on top. */
  readonly ratePerS?: number
}

const CALM_RATE_PER_S = 60
/** Calm traffic before the start, so that the features of the first connection speak of something. */
const WARM_UP_MS = 60_000
/** The first three attacks come early, for people who have just opened the page. */
const FIRST_ATTACKS_MS: readonly number[] = [4000, 10_000, 16_000]
const CALM_BETWEEN_MS = { from: 12_000, to: 25_000 }

/**
 * An endless day on a network: calm traffic, and attacks on a schedule, the first three kinds within 20 seconds, then one
 * every 12 to 25 seconds in an order that the seed decides. The same for the same seed, connection by connection.
 */
export function* demoNetwork(options: DemoOptions): Generator<DemoConnection, never> {
  const draw = new Draw(seededRandom(options.seed))
  const history = new ConnectionHistory()
  const rate = options.ratePerS ?? CALM_RATE_PER_S
  const schedule = attackSchedule(draw)
  let attack = begun(schedule.next().value, draw)
  let calmMs = -WARM_UP_MS
  for (;;) {
    if (attack.nextMs > attack.endMs) attack = begun(schedule.next().value, draw)
    else if (attack.nextMs < calmMs) {
      yield connection(attack.draft(attack.count++), attack.nextMs, history)
      attack.nextMs += draw.gapMs(attack.ratePerS)
    } else {
      const made = connection(normalConnection(draw), calmMs, history)
      if (calmMs >= 0) yield made
      calmMs += draw.gapMs(rate)
    }
  }
}

/** One attack in so many connections of a sample, and no more than so many connections of it. */
const SAMPLE_ATTACK_EVERY = 1500
const SAMPLE_ATTACK_CONNECTIONS = 8

/**
 * `rows` connections of an ordinary day, for training a first model: calm traffic with a few short attacks in it, half a percent of
 * the rows, as the history of a real network has them, unlabelled for all that training knows.
 */
export function* sampleNetwork(
  options: DemoOptions & { readonly rows: number },
): Generator<DemoConnection, void> {
  const draw = new Draw(seededRandom(options.seed))
  const history = new ConnectionHistory()
  const rate = options.ratePerS ?? CALM_RATE_PER_S
  let attack: { draft: (nth: number) => DemoDraft; left: number } | undefined
  let atMs = -WARM_UP_MS
  for (let rows = 0; rows < options.rows; atMs += draw.gapMs(rate)) {
    if (atMs >= 0 && draw.chance(1 / SAMPLE_ATTACK_EVERY))
      attack = { draft: draw.of(ATTACKS).begin(draw), left: SAMPLE_ATTACK_CONNECTIONS }
    // Between the connections of an attack, calm traffic goes on.
    const attacking = attack !== undefined && attack.left > 0 && draw.chance(0.3)
    const draft = attacking && attack !== undefined ? attack.draft(attack.left--) : normalConnection(draw)
    const made = connection(draft, atMs, history)
    if (atMs < 0) continue
    yield made
    rows++
  }
}

interface Begun {
  readonly draft: (nth: number) => DemoDraft
  readonly ratePerS: number
  readonly endMs: number
  nextMs: number
  count: number
}

function begun({ attack, atMs }: { attack: DemoAttack; atMs: number }, draw: Draw): Begun {
  const { ratePerS, durationMs } = attack
  return { draft: attack.begin(draw), ratePerS, endMs: atMs + durationMs, nextMs: atMs, count: 0 }
}

/** Attacks and when they begin: every kind once before any comes again. */
function* attackSchedule(draw: Draw): Generator<{ attack: DemoAttack; atMs: number }, never> {
  let atMs = 0
  for (let nth = 0; ; ) {
    for (const attack of nth === 0 ? ATTACKS : inRandomOrder(ATTACKS, draw)) {
      const { from, to } = CALM_BETWEEN_MS
      atMs = FIRST_ATTACKS_MS[nth++] ?? atMs + draw.between(from, to)
      yield { attack, atMs }
      atMs += attack.durationMs
    }
  }
}

function inRandomOrder<T>(items: readonly T[], draw: Draw): readonly T[] {
  const keyed = items.map((item) => ({ item, key: draw.uniform() }))
  return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item)
}

function connection(draft: DemoDraft, atMs: number, history: ConnectionHistory): DemoConnection {
  const { protocol, service, flag, durationS, srcBytes, dstBytes, content = {}, label } = draft
  const { source, sourcePort, destination } = draft
  const own = [durationS, protocol, service, flag, srcBytes, dstBytes]
  const others = CONTENT_FIELDS.map((field) => content[field] ?? 0)
  const traffic = history.add({ atMs, source, sourcePort, destination, service, flag })
  return { line: [...own, ...others, ...traffic, label].join(','), label, atMs: Math.max(0, atMs) }
}
