import { useEffect, useReducer, useRef } from 'preact/hooks'

/** A value that components read and follow. Values are replaced, never changed in place. */
export class Store<T> {
  #value: T
  readonly #listeners = new Set<() => void>()

  constructor(initial: T) {
    this.#value = initial
  }

  get(): T {
    return this.#value
  }

  update(change: (value: T) => T): void {
    const next = change(this.#value)
    if (Object.is(next, this.#value)) return
    this.#value = next
    for (const listener of this.#listeners) listener()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** What `select` reads from the store; the component renders again when that, and only that, changes. */
export function useStore<T, S>(store: Store<T>, select: (value: T) => S): S {
  const [, render] = useReducer((count: number, _: undefined) => count + 1, 0)
  const selected = select(store.get())
  const latest = useRef({ select, selected })
  latest.current = { select, selected }
  useEffect(() => {
    const check = () => {
      const { select: read, selected: shown } = latest.current
      if (!Object.is(read(store.get()), shown)) render(undefined)
    }
    // A change between rendering and this effect would go unseen.
    check()
    return store.subscribe(check)
  }, [store])
  return selected
}
