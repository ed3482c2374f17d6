import type { Ledger as LedgerTotals, StreamStatus } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { count, duration } from '../format.ts'
import type { Sample } from '../state/history.ts'
import { inFlight, type LedgerState, ledgerState } from '../state/ledger.ts'
import { LevelChart } from './level-chart.tsx'

const NO_SAMPLES: readonly Sample[] = []

/** The promise: records in = in the master = counted, as exact integers. */
export function Ledger({ onDeadLetters }: { readonly onDeadLetters: () => void }) {
  const stream = usePage(({ status, stream }) => status?.streams.find(({ name }) => name === stream))
  const samples = usePage(({ history, stream }) => history[stream]) ?? NO_SAMPLES
  const live = usePage((state) => state.connection.kind === 'open')
  if (stream === undefined) return <LedgerSkeleton />
  const state = ledgerState(stream.ledger, samples)
  return (
    <section class="card ledger at-ledger" aria-labelledby="ledger-title">
      <div class="card-head">
        <h2 id="ledger-title">The ledger</h2>
        <span class="ledger-state">{explain(state, stream.ledger, samples)}</span>
        <StatePill state={state} ledger={stream.ledger} live={live} />
      </div>
      <Sum ledger={stream.ledger} state={state} />
      <Facts stream={stream} onDeadLetters={onDeadLetters} />
      <LevelChart samples={samples} feedHint={state === 'empty' ? stream.name : undefined} />
    </section>
  )
}

function StatePill(props: {
  readonly state: LedgerState
  readonly ledger: LedgerTotals
  readonly live: boolean
}) {
  const { state, ledger, live } = props
  const { tone, text } = PILLS[state]
  const rest = state === 'behind' || state === 'stalled' ? ` (${count(inFlight(ledger))} in flight)` : ''
  return (
    <span class={`pill tone-${live ? tone : 'quiet'}`} data-state={state}>
      <span class={`dot ${state === 'behind' && live ? 'pulse' : ''}`} />
      {text}
      {rest}
    </span>
  )
}

const PILLS: Readonly<Record<LedgerState, { tone: string; text: string }>> = {
  empty: { tone: 'quiet', text: 'Waiting for records' },
  agrees: { tone: 'good', text: 'Agrees' },
  behind: { tone: 'water', text: 'Catching up' },
  stalled: { tone: 'warn', text: 'Stalled' },
  broken: { tone: 'bad', text: 'Does not agree' },
}

function explain(state: LedgerState, ledger: LedgerTotals, samples: readonly Sample[]): string {
  switch (state) {
    case 'empty':
      return ''
    case 'agrees':
      return 'Every record once, none twice'
    case 'stalled':
      return 'Nothing has moved for 20 s: look at the parts'
    case 'broken':
      return `${count(Math.max(ledger.archived, ledger.counted, ledger.scored) - ledger.in)} too many: run weir verify`
    case 'behind': {
      const last = samples.findLast((sample) => sample.agrees && sample.in > 0)
      const now = samples.at(-1)
      if (last === undefined || now === undefined) return ''
      return `Last agreed at ${count(last.in)}, ${duration(Math.round((now.atMs - last.atMs) / 1_000) * 1_000)} ago`
    }
  }
}

function Sum({ ledger, state }: { readonly ledger: LedgerTotals; readonly state: LedgerState }) {
  return (
    <div class="ledger-sum">
      <Term name="Records in" number={ledger.in} note="acknowledged by the log" id="in" />
      <Equals same={ledger.in === ledger.archived} state={state} />
      <Term
        name="In the master"
        number={ledger.archived}
        note="kept for ever, in Parquet"
        missing={ledger.in - ledger.archived}
        id="archived"
      />
      <Equals same={ledger.archived === ledger.counted} state={state} />
      <Term
        name="Counted"
        number={ledger.counted}
        note="in the live views"
        missing={ledger.in - ledger.counted}
        id="counted"
      />
    </div>
  )
}

function Term(props: {
  readonly name: string
  readonly number: number
  readonly note: string
  readonly missing?: number
  readonly id: string
}) {
  const { name, number, note, missing = 0, id } = props
  return (
    <div class="term" data-term={id}>
      <div class="term-name">{name}</div>
      <div class="term-number">{count(number)}</div>
      <div class="term-note">{missing <= 0 ? note : <b>{count(missing)} to go</b>}</div>
    </div>
  )
}

function Equals({ same, state }: { readonly same: boolean; readonly state: LedgerState }) {
  const tone = state === 'broken' ? 'bad' : state === 'empty' ? 'quiet' : same ? 'good' : 'water'
  return (
    <div class={`equals tone-${tone}`} aria-hidden="true">
      {same ? '=' : state === 'broken' ? '≠' : '→'}
    </div>
  )
}

function Facts({
  stream,
  onDeadLetters,
}: {
  readonly stream: StreamStatus
  readonly onDeadLetters: () => void
}) {
  const { scored, deadLettered, dropped, alerts } = stream.ledger
  return (
    <div class="ledger-facts">
      <span>
        Scored <b>{count(scored)}</b>
      </span>
      <span>
        Alerts <b>{count(alerts)}</b>
      </span>
      <span>
        {deadLettered === 0 ? (
          'Dead letters '
        ) : (
          <button type="button" class="link" onClick={onDeadLetters}>
            Dead letters
          </button>
        )}{' '}
        <b class={deadLettered === 0 ? '' : 'tone-warn'}>{count(deadLettered)}</b>
      </span>
      <span>
        Dropped by rule <b>{count(dropped)}</b>
      </span>
    </div>
  )
}

export function LedgerSkeleton() {
  return (
    <section class="card ledger at-ledger" aria-busy="true" aria-label="The ledger">
      <div class="card-head">
        <h2>The ledger</h2>
        <span class="skeleton" style="width:120px;height:26px" />
      </div>
      <div class="ledger-sum">
        {['Records in', 'In the master', 'Counted'].map((name, i) => [
          i > 0 && <div class="equals" />,
          <div class="term" key={name}>
            <div class="term-name">{name}</div>
            <span class="skeleton" style="width:150px;height:44px;margin:8px 0 26px" />
          </div>,
        ])}
      </div>
      <div class="level">
        <div class="level-plot" />
      </div>
    </section>
  )
}
