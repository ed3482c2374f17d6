import type { Part } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { clock } from '../format.ts'
import { useParts } from '../parts.ts'
import { KillMenu } from './kill-menu.tsx'
import { NewestOutage, pastLine, WhatHappens } from './outage.tsx'

const NO_PARTS: readonly Part[] = []
const PAST_SHOWN = 4

/** The button that tries to break the promise, and what came of it. */
export function BreakIt() {
  const parts = useParts() ?? NO_PARTS
  const loaded = usePage((state) => state.status !== undefined)
  const outages = usePage((state) => state.outages)
  const killable = parts.filter((part) => part.killable)
  const [newest, ...past] = outages
  return (
    <section class="card break at-break" aria-labelledby="break-title">
      <div class="card-head">
        <h2 id="break-title">Try to break it</h2>
      </div>
      <div class="break-body">
        <p>
          {killable.length > 0 || !loaded
            ? 'Kill a process while records flow. It starts again, goes on from its last commit, and the ledger must come out the same.'
            : 'Where Weir runs on your own machine, this is the place to kill one of its processes and watch the ledger.'}
        </p>
        {(killable.length > 0 || !loaded) && <KillMenu parts={killable} />}
        {newest === undefined ? <WhatHappens /> : <NewestOutage outage={newest} />}
        {past.length > 0 && (
          <ul class="outages">
            {past.slice(0, PAST_SHOWN).map((outage) => (
              <li class="outage-past" key={`${outage.partId}-${outage.atMs}`}>
                <time>{clock(outage.atMs)}</time>
                <span>{pastLine(outage)}</span>
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  )
}
