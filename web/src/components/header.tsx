import { useEffect, useRef } from 'preact/hooks'
import type { ConnectionState } from '../client/weir-client.ts'
import { usePage } from '../context.ts'
import { count, duration } from '../format.ts'
import { useStore } from '../state/store.ts'
import { nextTheme, theme } from '../theme.ts'
import { Mark, MoonIcon, SunIcon, SystemIcon } from './icons.tsx'

export function Header() {
  const status = usePage((state) => state.status)
  return (
    <header class="top">
      <div class="top-inner">
        <div class="brand">
          <Mark />
          <h1>Weir</h1>
        </div>
        <StreamTabs />
        {status === undefined ? (
          <div class="top-facts" aria-hidden="true">
            <span class="skeleton" style="width:150px;height:18px" />
          </div>
        ) : (
          <div class="top-facts">
            <span>
              Site <b>{status.site}</b>
              {status.demo && ', playing the demo'}
            </span>
            <span>
              Up <b>{duration(Math.floor((status.nowMs - status.startedMs) / 1_000) * 1_000)}</b>
            </span>
          </div>
        )}
        <div class="top-end">
          <Connection />
          <ThemeButton />
        </div>
      </div>
    </header>
  )
}

/** Only where there is a choice. */
function StreamTabs() {
  const streams = usePage((state) => state.streams)
  const current = usePage((state) => state.stream)
  const waiting = usePage((state) => state.phase === 'loading')
  const nav = useRef<HTMLElement>(null)
  useEffect(() => {
    const tab = nav.current?.querySelector<HTMLElement>('[aria-current]')
    // Where they do not fit, the one that is shown is in sight.
    if (tab !== null && tab !== undefined)
      nav.current?.scrollTo({ left: tab.offsetLeft - nav.current.offsetLeft - 40 })
  }, [current])
  // It takes the room it will take.
  if (waiting)
    return (
      <div class="tabs" aria-hidden="true">
        <span class="skeleton" style="width:300px;max-width:100%;height:26px;margin:4px 0" />
      </div>
    )
  if (streams.length < 2) return null
  return (
    <nav class="tabs" aria-label="Streams" ref={nav}>
      {streams.map(({ name, title, description }) => (
        <a
          key={name}
          href={`#/${name}`}
          title={description}
          aria-current={name === current ? 'page' : undefined}
        >
          {title}
        </a>
      ))}
    </nav>
  )
}

function Connection() {
  const connection = usePage((state) => state.connection)
  const phase = usePage((state) => state.phase)
  const clients = usePage((state) => state.status?.clients)
  const { text, tone } =
    phase === 'unreachable' ? { text: 'Disconnected', tone: 'bad' } : CONNECTION[connection.kind]
  const title = clients === undefined ? undefined : `${count(clients)} connected, this page among them`
  return (
    <span class={`pill tone-${tone}`} role="status" title={title}>
      <span class={`dot ${tone === 'good' ? '' : 'pulse'}`} />
      {text}
    </span>
  )
}

const CONNECTION: Readonly<Record<ConnectionState['kind'], { text: string; tone: string }>> = {
  open: { text: 'Live', tone: 'good' },
  connecting: { text: 'Connecting', tone: 'warn' },
  waiting: { text: 'Disconnected', tone: 'bad' },
  closed: { text: 'Closed', tone: 'quiet' },
}

function ThemeButton() {
  const current = useStore(theme, (value) => value)
  const names = { system: 'as the system', light: 'light', dark: 'dark' }
  return (
    <button
      type="button"
      class="button plain square"
      aria-label={`Colours: ${names[current]}. Change`}
      title={`Colours: ${names[current]}`}
      onClick={nextTheme}
    >
      {current === 'system' ? <SystemIcon /> : current === 'light' ? <SunIcon /> : <MoonIcon />}
    </button>
  )
}
