import { createContext } from 'preact'
import { useContext } from 'preact/hooks'
import type { FeedView } from './state/feed.ts'
import type { PageState, Session } from './state/session.ts'
import { useStore } from './state/store.ts'

export const SessionContext = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (session === undefined) throw new Error('this component must be rendered inside <App>')
  return session
}

/** What `select` reads of the page's state. `select` must give the same object for the same state. */
export function usePage<S>(select: (state: PageState) => S): S {
  return useStore(useSession().state, select)
}

export function useFeed<S>(select: (view: FeedView) => S): S {
  return useStore(useSession().feed.view, select)
}
