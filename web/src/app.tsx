import { useEffect, useMemo, useState } from 'preact/hooks'
import type { StreamSummary } from '../../lib/serve/dashboard-messages.ts'
import { AlertDetail } from './components/alert-detail.tsx'
import { Alerts } from './components/alerts.tsx'
import { Announcer } from './components/announcer.tsx'
import { Banner } from './components/banner.tsx'
import { BreakIt } from './components/break-it.tsx'
import { DataPanel } from './components/data-panel.tsx'
import { DeadLetters } from './components/dead-letters.tsx'
import { Header } from './components/header.tsx'
import { Health } from './components/health.tsx'
import { Ledger } from './components/ledger.tsx'
import { SlotsPanel } from './components/slots-panel.tsx'
import { Stages } from './components/stages.tsx'
import { StreamHead } from './components/stream-head.tsx'
import { SessionContext, usePage, useSession } from './context.ts'
import type { Session } from './state/session.ts'
import { useStreamEnd } from './state/stream-end.ts'

/** What the panel on the right shows. */
type Panel = { readonly kind: 'alert'; readonly id: string } | { readonly kind: 'dead-letters' }

export function App({ session }: { readonly session: Session }) {
  return (
    <SessionContext.Provider value={session}>
      <button type="button" class="skip" onClick={skipToAlerts}>
        Skip to alerts
      </button>
      <Header />
      <Banner />
      <Body />
      <Announcer />
    </SessionContext.Provider>
  )
}

/** No link: the address keeps naming the stream. */
function skipToAlerts(): void {
  const title = document.getElementById('alerts-title')
  title?.scrollIntoView()
  title?.closest('section')?.querySelector<HTMLElement>('button')?.focus({ preventScroll: true })
}

function Body() {
  const phase = usePage((state) => state.phase)
  const stream = usePage((state) => state.stream)
  const summary = usePage((state) => state.streams.find(({ name }) => name === state.stream))
  const [panel, setPanel] = useState<Panel>()
  useEffect(() => setPanel(undefined), [stream])
  const select = useMemo(() => (id: string) => setPanel({ kind: 'alert', id }), [])
  if (phase === 'unreachable') return <Unreachable />
  const selected = panel?.kind === 'alert' ? panel.id : undefined
  const openLetters = () => setPanel({ kind: 'dead-letters' })
  return (
    <main class="page">
      {summary === undefined ? (
        <WaitingPage onDeadLetters={openLetters} onSelect={select} />
      ) : (
        <StreamPage
          key={stream}
          stream={summary}
          selected={selected}
          onSelect={select}
          onDeadLetters={openLetters}
        />
      )}
      <p class="foot">
        <kbd>p</kbd> pauses the alerts, <kbd>↑</kbd> <kbd>↓</kbd> move among them, <kbd>Enter</kbd> opens,{' '}
        <kbd>Esc</kbd> closes
      </p>
      {panel?.kind === 'alert' && <AlertDetail id={panel.id} onClose={() => setPanel(undefined)} />}
      {panel?.kind === 'dead-letters' && <DeadLetters onClose={() => setPanel(undefined)} />}
    </main>
  )
}

interface PageProps {
  readonly onSelect: (id: string) => void
  readonly onDeadLetters: () => void
}

/**
 * What a stream is about first, then how it is doing. Where the alerts are what it is about, it is the other way around:
 * they begin below the ledger, as large as they are.
 */
function StreamPage(
  props: PageProps & { readonly stream: StreamSummary; readonly selected: string | undefined },
) {
  const { stream, selected, onSelect, onDeadLetters } = props
  const live = usePage((state) => state.connection.kind === 'open')
  const end = useStreamEnd(stream.name, live)
  const data = <DataPanel stream={stream} end={end} selected={selected} onSelect={onSelect} />
  const dataFirst = stream.page.kind !== 'shares' || !stream.detects
  return (
    <>
      <StreamHead stream={stream} end={end} />
      {dataFirst && data}
      <Ledger onDeadLetters={onDeadLetters} />
      <BreakIt />
      <Stages />
      {stream.page.kind !== 'incidents' && <Alerts selected={selected} onSelect={onSelect} />}
      <div class={stream.page.kind === 'incidents' ? 'at-whole' : 'at-side'}>
        <SlotsPanel stream={stream} end={end} />
      </div>
      <Health />
      {!dataFirst && end.kind !== 'none' && data}
    </>
  )
}

/** The shape of a page before it is known which. */
function WaitingPage({ onSelect, onDeadLetters }: PageProps) {
  return (
    <>
      <div class="stream-head" aria-hidden="true">
        <div>
          <span class="skeleton" style="width:200px;height:24px" />
          <span class="skeleton" style="width:320px;max-width:100%;height:16px;margin-top:8px" />
        </div>
      </div>
      <Ledger onDeadLetters={onDeadLetters} />
      <BreakIt />
      <Stages />
      <Alerts selected={undefined} onSelect={onSelect} />
      <div class="at-side">
        <SlotsSkeleton />
      </div>
      <Health />
    </>
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
