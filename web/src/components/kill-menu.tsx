import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { Part } from '../../../lib/serve/dashboard-messages.ts'
import { useSession } from '../context.ts'
import { BoltIcon, ChevronIcon } from './icons.tsx'

const TONES = { up: 'good', starting: 'warn', down: 'bad', idle: 'quiet' } as const

/** The button, and the menu of which process. */
export function KillMenu({ parts }: { readonly parts: readonly Part[] }) {
  const session = useSession()
  const [open, setOpen] = useState(false)
  const [problem, setProblem] = useState<string>()
  const anchor = useRef<HTMLDivElement>(null)
  useClosing(anchor, open, () => setOpen(false))
  const up = parts.filter((part) => part.state === 'up')
  const kill = (part: Part | undefined) => {
    setOpen(false)
    setProblem(undefined)
    anchor.current?.querySelector('button')?.focus()
    if (part === undefined) return
    session.kill(part).catch((error: unknown) => setProblem(error instanceof Error ? error.message : ''))
  }
  return (
    <div class="menu-anchor" ref={anchor}>
      <button
        type="button"
        class="button danger"
        aria-haspopup="menu"
        aria-expanded={open}
        disabled={parts.length === 0}
        onClick={() => setOpen(!open)}
      >
        <BoltIcon /> Break it: kill a worker <ChevronIcon />
      </button>
      {open && (
        <div class="menu" role="menu" aria-label="Which process">
          <button
            type="button"
            role="menuitem"
            disabled={up.length === 0}
            onClick={() => kill(up[Math.floor(Math.random() * up.length)])}
          >
            <span class="dot tone-water" />
            Any of them
          </button>
          {parts.map((part) => (
            <button
              type="button"
              role="menuitem"
              key={part.id}
              disabled={part.state !== 'up'}
              onClick={() => kill(part)}
            >
              <span class={`dot tone-${TONES[part.state]}`} />
              {part.name}
              <small>{part.state === 'up' ? `pid ${part.pid ?? 'unknown'}` : part.state}</small>
            </button>
          ))}
        </div>
      )}
      {problem !== undefined && (
        <p class="tone-bad" role="alert">
          Not killed. {problem}
        </p>
      )}
    </div>
  )
}

/** Arrow keys move in the menu; Escape, Tab and a click elsewhere close it. */
function useClosing(anchor: { current: HTMLElement | null }, open: boolean, close: () => void): void {
  const latest = useRef(close)
  latest.current = close
  // Before the next key can be pressed, not after the next paint.
  useLayoutEffect(() => {
    const host = anchor.current
    if (!open || host === null) return
    const items = () => [...host.querySelectorAll<HTMLButtonElement>('[role=menuitem]:enabled')]
    items()[0]?.focus()
    const onKey = (event: KeyboardEvent) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (step !== undefined) {
        const all = items()
        const at = all.findIndex((item) => item.matches(':focus'))
        all[(at + step + all.length) % all.length]?.focus()
        event.preventDefault()
      } else if (event.key === 'Escape') {
        latest.current()
        host.querySelector('button')?.focus()
        event.stopPropagation()
      } else if (event.key === 'Tab') latest.current()
    }
    const onPointer = (event: PointerEvent) => {
      if (!host.contains(event.target as Node)) latest.current()
    }
    host.addEventListener('keydown', onKey)
    document.addEventListener('pointerdown', onPointer)
    return () => {
      host.removeEventListener('keydown', onKey)
      document.removeEventListener('pointerdown', onPointer)
    }
  }, [open, anchor])
}
