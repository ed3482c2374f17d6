import type { Part } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { clock, count } from '../format.ts'
import { useParts } from '../parts.ts'
import { CopyButton } from './copy-button.tsx'

const NO_PARTS: readonly Part[] = []
const KINDS: readonly Part['kind'][] = ['source', 'log', 'worker', 'store', 'socket']

/** Each part of the site: what it is, whether it is up, how often it had to start again. */
export function Health() {
  const parts = useParts()
  const clients = usePage((state) => state.status?.clients ?? 0)
  const sorted = [...(parts ?? NO_PARTS)].sort((a, b) => KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind))
  const up = sorted.filter(({ state }) => state === 'up' || state === 'idle').length
  return (
    <section class="card at-whole health" aria-labelledby="health-title" aria-busy={parts === undefined}>
      <div class="card-head">
        <h2 id="health-title">Health</h2>
        {parts !== undefined && (
          <span class={up === sorted.length ? 'tone-good' : 'tone-bad'}>
            {up === sorted.length ? 'All parts up' : `${sorted.length - up} of ${sorted.length} parts not up`}
          </span>
        )}
      </div>
      <div class="parts">
        {parts === undefined ? (
          [1, 2, 3, 4].map((row) => (
            <div class="part" key={row}>
              <span class="dot tone-quiet" />
              <span class="skeleton" style="width:50%;height:16px" />
            </div>
          ))
        ) : (
          <>
            <ModelRow />
            <ul>
              {sorted.map((part) => (
                <PartRow key={part.id} part={part} clients={part.kind === 'socket' ? clients : undefined} />
              ))}
            </ul>
          </>
        )}
      </div>
    </section>
  )
}

const TONES = { up: 'good', starting: 'warn', down: 'bad', idle: 'quiet' } as const

function PartRow({ part, clients }: { readonly part: Part; readonly clients: number | undefined }) {
  const { name, kind, state, pid, restarts } = part
  const detail = part.detail ?? (clients === undefined ? undefined : `${count(clients)} connected`)
  return (
    <li class="part" data-part={part.id} data-state={state}>
      <span class={`dot tone-${TONES[state]} ${state === 'up' || state === 'idle' ? '' : 'pulse'}`} />
      <span class="part-name">
        {name} {name !== kind && <span>{kind}</span>}
      </span>
      <span class="part-end">
        {restarts > 0 && (
          <span class="tone-warn">
            {count(restarts)} {restarts === 1 ? 'restart' : 'restarts'}
          </span>
        )}
        {state !== 'up' ? <b class={`tone-${TONES[state]}`}>{state}</b> : pid !== undefined && `pid ${pid}`}
      </span>
      {detail !== undefined && <span class="part-detail">{detail}</span>}
    </li>
  )
}

function ModelRow() {
  const stream = usePage((state) => state.stream)
  const model = usePage(({ status, stream }) => status?.streams.find(({ name }) => name === stream)?.model)
  const trains = usePage((state) => state.streams.find(({ name }) => name === state.stream)?.trains !== false)
  const command = `npx weir train ${stream}`
  if (!trains) return null
  if (model !== undefined)
    return (
      <div class="part">
        <span class="dot tone-good" />
        <span class="part-name">
          Model <span>{model.version}</span>
        </span>
        <span class="part-end">published {clock(model.publishedMs)}</span>
      </div>
    )
  return (
    <div class="part">
      <span class="dot tone-quiet" />
      <span class="part-name">No model yet: enriching only</span>
      <div class="part-detail">
        <p class="command mono">
          {command} <CopyButton label="Copy" text={command} />
        </p>
      </div>
    </div>
  )
}
