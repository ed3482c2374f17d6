import { useState } from 'preact/hooks'
import { count, ratio } from '../format.ts'
import { api } from '../state/api.ts'
import { isOff, ratioOf, type TemplateRow } from '../state/template-rows.ts'
import { CopyButton } from './copy-button.tsx'

/** Rows at first, and how many more at a time. */
const ROWS = 20

interface TableProps {
  readonly stream: string
  readonly rows: readonly TemplateRow[]
  /** A template was called normal, or not any more. */
  readonly onMarked: () => void
}

/** Templates with their counts; each opens to an example and what can be done about it. */
export function TemplateTable({ stream, rows, onMarked }: TableProps) {
  const [most, setMost] = useState(ROWS)
  const [open, setOpen] = useState<string>()
  return (
    <div class="template-table">
      <div class="template-row head" aria-hidden="true">
        <span>Template</span>
        <span>Source</span>
        <span>Lines</span>
        <span>Against the usual</span>
      </div>
      <ul>
        {rows.slice(0, most).map((row) => (
          <li key={row.templateId} data-template={row.templateId} data-kind={row.kind}>
            <Row
              row={row}
              open={row.templateId === open}
              onToggle={() => setOpen(row.templateId === open ? undefined : row.templateId)}
            />
            {row.templateId === open && <Details stream={stream} row={row} onMarked={onMarked} />}
          </li>
        ))}
      </ul>
      {rows.length > most && (
        <p class="list-end">
          <button type="button" class="button small" onClick={() => setMost(most + ROWS)}>
            Show more of {count(rows.length)}
          </button>
        </p>
      )}
    </div>
  )
}

const BADGES = {
  new: 'new',
  rare: 'rare',
  normal: 'called normal',
  known: undefined,
  unknown: undefined,
} as const

function Row(props: { readonly row: TemplateRow; readonly open: boolean; readonly onToggle: () => void }) {
  const { row, open, onToggle } = props
  const badge = BADGES[row.kind]
  const [first] = row.sources
  return (
    <button type="button" class="template-row" aria-expanded={open} onClick={onToggle}>
      <span class="template-text">
        {badge !== undefined && <em class={`badge ${row.kind}`}>{badge}</em>}
        <TemplateText template={row.template} />
      </span>
      <span class="template-source">
        {row.sources.length > 1 ? `${count(row.sources.length)} sources` : (first?.source ?? 'none')}
      </span>
      <span class="template-count">
        {count(row.count)}
        <span class="unseen"> lines</span>
      </span>
      <span class="template-usual">
        <Usual row={row} />
      </span>
    </button>
  )
}

function Usual({ row }: { readonly row: TemplateRow }) {
  const times = ratioOf(row)
  if (times === undefined || row.usual === undefined)
    return (
      <span class="tone-quiet">
        <span aria-hidden="true">–</span>
        <span class="unseen">nothing usual known</span>
      </span>
    )
  const usual = `${count(row.usual)} usual`
  if (!isOff(row)) return <span class="tone-quiet">{usual}</span>
  return (
    <>
      <b class="tone-warn">{times === 0 ? 'silent' : `× ${ratio(times)}`}</b> <span>{usual}</span>
    </>
  )
}

/** Words as they are, variables as marked gaps. */
export function TemplateText({ template }: { readonly template: string | undefined }) {
  if (template === undefined) return <span class="tone-quiet">Text not known</span>
  return (
    <code>
      {template.split('<*>').map((words, i) => [
        i > 0 && (
          <span class="gap" key={`gap ${i}`}>
            <span class="unseen">variable</span>
          </span>
        ),
        words,
      ])}
    </code>
  )
}

function Details({ stream, row, onMarked }: Omit<TableProps, 'rows'> & { readonly row: TemplateRow }) {
  const { templateId, example, sources, kind } = row
  return (
    <div class="template-details">
      {example !== undefined && (
        <figure>
          <figcaption>One of its lines</figcaption>
          <pre class="mono">{example}</pre>
        </figure>
      )}
      {sources.length > 1 && (
        <p>
          {sources
            .slice(0, 12)
            .map(({ source, count: lines }) => `${source} ${count(lines)}`)
            .join(', ')}
          {sources.length > 12 && `, and ${sources.length - 12} more sources`}
        </p>
      )}
      <p class="template-actions">
        <NormalButton
          stream={stream}
          templateId={templateId}
          normal={kind === 'normal'}
          onMarked={onMarked}
        />
        <CopyButton label="Copy id" text={templateId} />
        <span class="mono tone-quiet">{templateId}</span>
      </p>
    </div>
  )
}

/** `weir templates normal`: from two seconds later on no line of the template is an alert. */
function NormalButton(props: {
  readonly stream: string
  readonly templateId: string
  readonly normal: boolean
  readonly onMarked: () => void
}) {
  const { stream, templateId, normal, onMarked } = props
  const [state, setState] = useState<{ readonly busy: boolean; readonly problem?: string }>({ busy: false })
  const mark = async () => {
    setState({ busy: true })
    try {
      await api.callNormal(stream, templateId, normal)
      setState({ busy: false })
      onMarked()
    } catch (error) {
      setState({ busy: false, problem: error instanceof Error ? error.message : String(error) })
    }
  }
  return (
    <>
      <button type="button" class="button small" disabled={state.busy} onClick={() => void mark()}>
        {normal ? 'Alert on it again' : 'This is normal'}
      </button>
      {state.problem !== undefined && (
        <span class="tone-bad" role="alert">
          {state.problem}
        </span>
      )}
    </>
  )
}
