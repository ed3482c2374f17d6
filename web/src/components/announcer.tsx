import { useEffect, useState } from 'preact/hooks'
import { usePage, useSession } from '../context.ts'
import { ledgerState } from '../state/ledger.ts'

const EVERY_MS = 15_000

/** Tells screen readers, rarely, what a glance would: how many alerts came, and when the ledger changes its mind. */
export function Announcer() {
  const session = useSession()
  const [text, setText] = useState('')
  const ledger = usePage(({ status, stream, history }) => {
    const found = status?.streams.find(({ name }) => name === stream)?.ledger
    const state = found === undefined ? undefined : ledgerState(found, history[stream] ?? [])
    return state === 'broken' || state === 'stalled' ? state : undefined
  })
  useEffect(() => {
    let before = session.feed.view.get().received
    const timer = setInterval(() => {
      const { received } = session.feed.view.get()
      const more = received - before
      before = received
      if (more > 0) setText(`${more} more ${more === 1 ? 'alert' : 'alerts'}`)
    }, EVERY_MS)
    return () => clearInterval(timer)
  }, [session])
  useEffect(() => {
    if (ledger === 'broken') setText('The ledger does not agree')
    if (ledger === 'stalled') setText('The ledger has stalled')
  }, [ledger])
  return (
    <div class="unseen" aria-live="polite">
      {text}
    </div>
  )
}
