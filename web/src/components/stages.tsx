import type { StageName, StageStatus } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { count, duration, rate } from '../format.ts'
import type { Sample } from '../state/history.ts'
import { Sparkline } from './sparkline.tsx'

const NO_SAMPLES: readonly Sample[] = []

const STAGES: Readonly<Record<StageName, { title: string; does: string }>> = {
  collect: { title: 'In', does: 'source to log' },
  score: { title: 'Scored', does: 'log to entries' },
  archive: { title: 'Archived', does: 'entries to master' },
  count: { title: 'Counted', does: 'entries to views' },
  notify: { title: 'Notified', does: 'entries to alerts' },
}

/** Rate and lag of each stage, in the order records pass them. */
export function Stages() {
  const stages = usePage(({ status, stream }) => status?.streams.find(({ name }) => name === stream)?.stages)
  const samples = usePage(({ history, stream }) => history[stream]) ?? NO_SAMPLES
  return (
    <section class="card at-stages" aria-label="Rates and lag of each stage" aria-busy={stages === undefined}>
      <div class="stages">
        {stages?.map((stage) => <Stage key={stage.stage} status={stage} samples={samples} />) ??
          Object.values(STAGES).map(({ title }) => (
            <div class="stage" key={title}>
              <div class="stage-name">{title}</div>
              <span class="skeleton" style="width:60%;height:24px;margin-top:8px" />
              <span class="skeleton" style="width:100%;height:34px;margin-top:8px" />
            </div>
          ))}
      </div>
    </section>
  )
}

function Stage({ status, samples }: { readonly status: StageStatus; readonly samples: readonly Sample[] }) {
  const { stage, recordsPerSecond, lag, p50Ms } = status
  const { title, does } = STAGES[stage]
  return (
    <div class="stage" data-stage={stage}>
      <div class="stage-name">
        {title} <span>{does}</span>
      </div>
      <div class="stage-rate">
        {rate(recordsPerSecond)}
        <small>records/s</small>
      </div>
      <Sparkline samples={samples} stage={stage} />
      <div class="stage-facts">
        <span class={lagTone(status)}>{lag === 0 ? 'No lag' : `${count(lag)} behind`}</span>
        {p50Ms !== undefined && (
          <span title="Median from append to done, last minute">{duration(p50Ms)}</span>
        )}
      </div>
    </div>
  )
}

/** More than three seconds of its own work behind deserves a look. */
function lagTone({ lag, recordsPerSecond }: StageStatus): string {
  return lag > Math.max(1_000, recordsPerSecond * 3) ? 'tone-warn' : ''
}
