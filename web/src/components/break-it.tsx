import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Part } from '../../../lib/serve/dashboard-messages.ts'
import { usePage, useSession } from '../context.ts'
import { clock, count, duration } from '../format.ts'
import { isSettled, type Outage } from '../state/outages.ts'
import { BoltIcon, ChevronIcon } from './icons.tsx'

const NO_PARTS: readonly Part[] = []
const PAST_SHOWN = 4

/** The button that tries to break the promise, and what came of it. */
export function BreakIt() {
  const parts = usePage((state) => state.status?.parts) ?? NO_PARTS
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

function KillMenu({ parts }: { readonly parts: readonly Part[] }) {
  const session = useSession()
  const [open, setOpen] = useState(false)
  const [problem, setProblem] = useState<string>()
  const anchor = useRef<HTMLDivElement>(null)
  useClosing(anchor, open, () => setOpen(false))
  const up = parts.filter((part) => part.state === 'up')
  const kill = (part: Part | undefined) => {
    setOpen(false)
    setProblem(undefined)
    anchor.current?.querySelector('button')?.focus()
    if (part === undefined) return
    session.kill(part).catch((error: unknown) => setProblem(error instanceof Error ? error.message : ''))
  }
  return (
    <div class="menu-anchor" ref={anchor}>
      <button
        type="button"
        class="button danger"
        aria-haspopup="menu"
        aria-expanded={open}
        disabled={parts.length === 0}
        onClick={() => setOpen(!open)}
      >
        <BoltIcon /> Break it: kill a worker <ChevronIcon />
      </button>
      {open && (
        <div class="menu" role="menu" aria-label="Which process">
          <button
            type="button"
            role="menuitem"
            disabled={up.length === 0}
            onClick={() => kill(up[Math.floor(Math.random() * up.length)])}
          >
            <span class="dot tone-water" />
            Any of them
          </button>
          {parts.map((part) => (
            <button
              type="button"
              role="menuitem"
              key={part.id}
              disabled={part.state !== 'up'}
              onClick={() => kill(part)}
            >
              <span class={`dot tone-${part.state === 'up' ? 'good' : 'bad'}`} />
              {part.name}
              <small>{part.state === 'up' ? `pid ${part.pid ?? 'unknown'}` : part.state}</small>
            </button>
          ))}
        </div>
      )}
      {problem !== undefined && (
        <p class="tone-bad" role="alert">
          Not killed. {problem}
        </p>
      )}
    </div>
  )
}

/** Arrow keys move in the menu; Escape, Tab and a click elsewhere close it. */
function useClosing(anchor: { current: HTMLElement | null }, open: boolean, close: () => void): void {
  const latest = useRef(close)
  latest.current = close
  // Before the next key can be pressed, not after the next paint.
  useLayoutEffect(() => {
    const host = anchor.current
    if (!open || host === null) return
    const items = () => [...host.querySelectorAll<HTMLButtonElement>('[role=menuitem]:enabled')]
    items()[0]?.focus()
    const onKey = (event: KeyboardEvent) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (step !== undefined) {
        const all = items()
        const at = all.findIndex((item) => item.matches(':focus'))
        all[(at + step + all.length) % all.length]?.focus()
        event.preventDefault()
      } else if (event.key === 'Escape') {
        latest.current()
        host.querySelector('button')?.focus()
        event.stopPropagation()
      } else if (event.key === 'Tab') latest.current()
    }
    const onPointer = (event: PointerEvent) => {
      if (!host.contains(event.target as Node)) latest.current()
    }
    host.addEventListener('keydown', onKey)
    document.addEventListener('pointerdown', onPointer)
    return () => {
      host.removeEventListener('keydown', onKey)
      document.removeEventListener('pointerdown', onPointer)
    }
  }, [open, anchor])
}

/** Before the first outage: what to look for. */
function WhatHappens() {
  return (
    <ol class="steps idle">
      <Step name="Killed" note="in the midst of its batch" />
      <Step name="Down" note="records wait in the log" />
      <Step name="Up again" note="reads on from its last commit" />
      <Step name="Ledger back" note="nothing lost, nothing twice" />
    </ol>
  )
}

function NewestOutage({ outage }: { readonly outage: Outage }) {
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

function pastLine(outage: Outage): string {
  const what = `${outage.name} ${outage.byYou ? 'killed' : 'ended'}`
  if (outage.agreedMs !== undefined)
    return `${what}: agreed again after ${duration(outage.agreedMs - outage.atMs)}, at ${count(outage.agreedAt ?? 0)}`
  if (outage.backMs !== undefined) return `${what}: back after ${duration(outage.backMs - outage.atMs)}`
  return outage.upMs === undefined ? `${what}: not up yet` : `${what}: up, catching up`
}
