import { clock, count, duration } from '../format.ts'
import { isSettled, type Outage } from '../state/outages.ts'

/** Before the first outage: what to look for. */
export function WhatHappens() {
  return (
    <ol class="steps idle">
      <Step name="Killed" note="in the midst of its batch" />
      <Step name="Down" note="records wait in the log" />
      <Step name="Up again" note="reads on from its last commit" />
      <Step name="Ledger back" note="nothing lost, nothing twice" />
    </ol>
  )
}

/** How far one outage has come, step by step. */
export function NewestOutage({ outage }: { readonly outage: Outage }) {
  const { atMs, downMs, upMs, backMs, oldPid, newPid, inFlightPeak } = outage
  const since = (ms: number | undefined) => (ms === undefined ? '' : `after ${duration(ms - atMs)}`)
  return (
    <div class="outage" role="status">
      <div class="outage-title">
        <span>
          {outage.name} {outage.byYou ? 'killed by you' : 'ended'}
        </span>
        <time>{clock(atMs)}</time>
      </div>
      <ol class="steps">
        <Step
          name={outage.byYou ? 'Killed' : 'Ended'}
          note={oldPid === undefined ? '' : `pid ${oldPid}`}
          hurt
        />
        <Step
          name="Down"
          note={downMs === upMs && downMs !== undefined ? 'too short to see' : since(downMs)}
          hurt={downMs !== undefined}
          now={downMs === undefined}
        />
        <Step
          name="Up again"
          note={newPid === undefined ? since(upMs) : `pid ${newPid}, ${since(upMs)}`}
          done={upMs !== undefined}
          now={downMs !== undefined && upMs === undefined}
        />
        <Step
          name="Ledger back"
          note={since(backMs)}
          done={backMs !== undefined}
          now={upMs !== undefined && backMs === undefined}
        />
      </ol>
      <p class="outage-result">
        {isSettled(outage)
          ? `In = in the master = counted, at ${count(outage.agreedAt ?? 0)}. Nothing lost, nothing twice.`
          : backMs !== undefined
            ? `As before: at most ${count(inFlightPeak)} records waited. Exact agreement shows at the next lull.`
            : `${count(inFlightPeak)} records wait behind it, none is lost.`}
      </p>
    </div>
  )
}

function Step(props: {
  readonly name: string
  readonly note: string
  readonly done?: boolean
  readonly hurt?: boolean
  readonly now?: boolean
}) {
  const { name, note, done = false, hurt = false, now = false } = props
  return (
    <li class={done ? 'done' : hurt ? 'hurt' : now ? 'now' : ''}>
      <b>{name}</b>
      {note}
    </li>
  )
}

/** One line on an outage that another has followed. */
export function pastLine(outage: Outage): string {
  const what = `${outage.name} ${outage.byYou ? 'killed' : 'ended'}`
  if (outage.agreedMs !== undefined)
    return `${what}: agreed again after ${duration(outage.agreedMs - outage.atMs)}, at ${count(outage.agreedAt ?? 0)}`
  if (outage.backMs !== undefined) return `${what}: back after ${duration(outage.backMs - outage.atMs)}`
  return outage.upMs === undefined ? `${what}: not up yet` : `${what}: up, catching up`
}
