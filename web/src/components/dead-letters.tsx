import { useEffect, useState } from 'preact/hooks'
import type { DeadLetter } from '../../../lib/serve/dashboard-messages.ts'
import { usePage } from '../context.ts'
import { count, fullTime } from '../format.ts'
import { api } from '../state/api.ts'
import { CopyButton } from './copy-button.tsx'
import { Drawer } from './drawer.tsx'

const SHOWN = 100

/** The newest records that could not be read, checked or processed. Their text is not shown: it may be anything. */
export function DeadLetters({ onClose }: { readonly onClose: () => void }) {
  const stream = usePage((state) => state.stream)
  const total = usePage(
    ({ status, stream }) => status?.streams.find(({ name }) => name === stream)?.ledger.deadLettered,
  )
  const [letters, setLetters] = useState<readonly DeadLetter[]>()
  const [problem, setProblem] = useState<string>()
  useEffect(() => {
    const aborter = new AbortController()
    api.deadLetters(stream, SHOWN, aborter.signal).then(
      (answer) => {
        setProblem(undefined)
        setLetters(answer.deadLetters)
      },
      (error: unknown) => {
        if (!aborter.signal.aborted) setProblem(error instanceof Error ? error.message : String(error))
      },
    )
    return () => aborter.abort()
  }, [stream, total])
  return (
    <Drawer title={`Dead letters of ${stream}`} subject={`dead-letters ${stream}`} onClose={onClose}>
      <p>
        {total === undefined ? '' : `${count(total)} in all. `}Nothing is thrown away: each is kept with its
        reason and its original bytes, and can be put in again.
      </p>
      <p class="command mono">
        npx weir dead-letters list
        <CopyButton label="Copy" text="npx weir dead-letters list" />
      </p>
      {problem !== undefined && <p class="tone-bad">{problem}</p>}
      <ul class="letters" aria-busy={letters === undefined && problem === undefined}>
        {letters?.map(({ origin, stage, reason, appendTimeMs }) => (
          <li key={`${origin.topic}/${origin.partition}/${origin.offset}`}>
            <p>{reason}</p>
            <small>
              {stage}, {fullTime(appendTimeMs)},{' '}
              <span class="mono">{`${origin.topic}/${origin.partition}/${origin.offset}`}</span>
            </small>
          </li>
        ))}
      </ul>
    </Drawer>
  )
}
