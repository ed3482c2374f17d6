import { useEffect, useMemo, useState } from 'preact/hooks'
import { AlertDetail } from './components/alert-detail.tsx'
import { Alerts } from './components/alerts.tsx'
import { Announcer } from './components/announcer.tsx'
import { Banner } from './components/banner.tsx'
import { BreakIt } from './components/break-it.tsx'
import { DeadLetters } from './components/dead-letters.tsx'
import { Header } from './components/header.tsx'
import { Health } from './components/health.tsx'
import { Ledger } from './components/ledger.tsx'
import { SlotsPanel } from './components/slots-panel.tsx'
import { Stages } from './components/stages.tsx'
import { SessionContext, usePage, useSession } from './context.ts'
import type { Session } from './state/session.ts'

/** What the panel on the right shows. */
type Panel = { readonly kind: 'alert'; readonly id: string } | { readonly kind: 'dead-letters' }

export function App({ session }: { readonly session: Session }) {
  return (
    <SessionContext.Provider value={session}>
      <a class="skip" href="#alerts-title">
        Skip to alerts
      </a>
      <Header />
      <Banner />
      <Body />
      <Announcer />
    </SessionContext.Provider>
  )
}

function Body() {
  const phase = usePage((state) => state.phase)
  const stream = usePage((state) => state.stream)
  const summary = usePage((state) => state.streams.find(({ name }) => name === state.stream))
  const [panel, setPanel] = useState<Panel>()
  useEffect(() => setPanel(undefined), [stream])
  const select = useMemo(() => (id: string) => setPanel({ kind: 'alert', id }), [])
  if (phase === 'unreachable') return <Unreachable />
  return (
    <main class="page">
      <Ledger onDeadLetters={() => setPanel({ kind: 'dead-letters' })} />
      <BreakIt />
      <Stages />
      <Alerts selected={panel?.kind === 'alert' ? panel.id : undefined} onSelect={select} />
      <div class="at-side">
        {summary === undefined ? <SlotsSkeleton /> : <SlotsPanel key={stream} stream={summary} />}
        <Health />
      </div>
      <p class="foot">
        <kbd>p</kbd> pauses the alerts, <kbd>↑</kbd> <kbd>↓</kbd> move among them, <kbd>Enter</kbd> opens,{' '}
        <kbd>Esc</kbd> closes
      </p>
      {panel?.kind === 'alert' && <AlertDetail id={panel.id} onClose={() => setPanel(undefined)} />}
      {panel?.kind === 'dead-letters' && <DeadLetters onClose={() => setPanel(undefined)} />}
    </main>
  )
}

function Unreachable() {
  const session = useSession()
  const problem = usePage((state) => state.problem)
  return (
    <main class="page">
      <section class="at-stages">
        <div class="empty unreachable" role="alert">
          <strong>
            {problem?.answered === true ? 'Weir answers, but not with data' : 'Weir does not answer'}
          </strong>
          <p>
            {problem?.answered === true && problem.message} This page tries again every few seconds and goes
            on by itself. {problem?.answered !== true && 'To start Weir on this machine:'}
          </p>
          {problem?.answered !== true && <code>npm start</code>}
          <p style="margin-top:18px">
            <button type="button" class="button" onClick={() => session.retryNow()}>
              Try now
            </button>
          </p>
        </div>
      </section>
    </main>
  )
}

function SlotsSkeleton() {
  return (
    <section class="card" aria-busy="true" aria-label="Counts per slot">
      <div class="card-head">
        <h2>Counts per slot</h2>
      </div>
      <div class="slots-plot">
        <span class="skeleton" style="height:200px;margin:12px 8px" />
      </div>
    </section>
  )
}
