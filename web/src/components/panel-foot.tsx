import type { QueryAnswer } from '../../../lib/serve/dashboard-messages.ts'
import { clock } from '../format.ts'
import { layersText } from '../state/layers.ts'
import { timeMs } from '../state/slots.ts'

/** How fresh a panel is, which layers it comes from and what it lacks. */
export function PanelFoot(props: {
  readonly answer: Pick<QueryAnswer, 'horizon' | 'since' | 'asOf'> | undefined
  readonly problem: string | undefined
}) {
  const { answer, problem } = props
  if (answer === undefined) return null
  return (
    <p class="panel-foot">
      <span>Updated {clock(timeMs(answer.asOf))}</span>
      {problem === undefined ? (
        <span>{layersText(answer, 'merged')}</span>
      ) : (
        <span class="tone-warn" role="status">
          Not up to date: {problem}
        </span>
      )}
    </p>
  )
}

/** In place of a panel's contents: no answer, and what to do. */
export function NoAnswer({ problem, again }: { readonly problem: string; readonly again: () => void }) {
  return (
    <div class="empty" role="alert">
      <strong>No answer to the query</strong>
      <p>{problem} It is asked again every few seconds.</p>
      <p style="margin-top:12px">
        <button type="button" class="button small" onClick={again}>
          Ask now
        </button>
      </p>
    </div>
  )
}

/** In place of a panel's contents: the stream has had no record yet. */
export function NoRecords({ stream, what }: { readonly stream: string; readonly what: string }) {
  return (
    <div class="empty">
      <strong>No {what} yet</strong>
      <p>Feed it a file, or follow one as it grows:</p>
      <code>npx weir collect {stream} FILE</code>
    </div>
  )
}
