import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks'
import { CloseIcon } from './icons.tsx'

interface DrawerProps {
  readonly title: string
  /** Focus goes to the heading when this changes, and back to where it was on closing. */
  readonly subject: string
  readonly above?: ComponentChildren
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** A panel over the right of the page. The page behind stays live and usable; Escape closes it. */
export function Drawer({ title, subject, above, onClose, children }: DrawerProps) {
  const heading = useRef<HTMLHeadingElement>(null)
  const back = useRef<Element | null>(null)
  const latest = useRef(onClose)
  latest.current = onClose
  useLayoutEffect(() => {
    const from = document.activeElement
    if (from?.closest('.drawer') === null) back.current = from
    heading.current?.focus({ preventScroll: true })
  }, [subject])
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => event.key === 'Escape' && latest.current()
    document.addEventListener('keydown', onKey)
    return () => {
      document.removeEventListener('keydown', onKey)
      if (back.current instanceof HTMLElement) back.current.focus({ preventScroll: true })
    }
  }, [])
  return (
    <aside class="drawer" aria-labelledby="drawer-title">
      <div class="drawer-head">
        <div>
          {above}
          <h2 id="drawer-title" tabIndex={-1} ref={heading}>
            {title}
          </h2>
        </div>
        <button type="button" class="button plain square" aria-label="Close" onClick={onClose}>
          <CloseIcon />
        </button>
      </div>
      <div class="drawer-body">{children}</div>
    </aside>
  )
}
