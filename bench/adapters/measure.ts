/** One way of doing a thing, timed against others in turn, so that a slow minute of the machine is everyone's. */
export interface Way {
  readonly name: string
  run(): unknown
}

export interface Timing {
  readonly name: string
  /** CPU of this process, garbage collection and worker threads included, per run. */
  readonly cpuMs: number
  readonly wallMs: number
}

/** Runs every way `runs` times a round, in turn; the best round of each stands. */
export async function compare(ways: readonly Way[], runs: number, rounds = 3): Promise<Timing[]> {
  const best = new Map<string, Timing>()
  for (let round = 0; round <= rounds; round++)
    for (const way of ways) {
      const timing = await time(way, runs)
      const before = best.get(way.name)
      // The first round warms up.
      if (round > 0 && (before === undefined || timing.cpuMs < before.cpuMs)) best.set(way.name, timing)
    }
  return [...best.values()]
}

async function time({ name, run }: Way, runs: number): Promise<Timing> {
  const cpu = process.cpuUsage()
  const began = performance.now()
  for (let i = 0; i < runs; i++) await run()
  const wallMs = (performance.now() - began) / runs
  const { user, system } = process.cpuUsage(cpu)
  return { name, cpuMs: (user + system) / 1000 / runs, wallMs }
}

/** JSON of about a kilobyte with numbers and words in KDD's proportions, from a fixed seed. */
export function kddLikeRecords(count: number): Buffer[] {
  let state = 42
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
  return Array.from({ length: count }, () => {
    const fields: Record<string, unknown> = { protocol_type: 'tcp', service: 'http', flag: 'SF' }
    for (let i = 0; i < 15; i++)
      fields[`count_of_something_${i}`] = random() < 0.6 ? 0 : Math.floor(random() * 500)
    for (let i = 0; i < 23; i++) fields[`rate_of_something_${i}`] = Math.round(random() * 100) / 100
    return Buffer.from(JSON.stringify(fields))
  })
}

export function print(title: string, rows: readonly Record<string, string | number>[]): void {
  console.log(`\n${title}`)
  console.table(rows)
}
