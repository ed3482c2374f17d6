import type { ComponentChildren } from 'preact'

interface IconProps {
  readonly size?: number
}

function Icon({ size = 16, children }: IconProps & { readonly children: ComponentChildren }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  )
}

/** Weir's mark: water arriving high, going over the crest and on below. */
export function Mark() {
  return (
    <svg width="30" height="30" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="var(--water)" />
      <g fill="none" stroke="var(--surface)" stroke-width="2.6" stroke-linecap="round">
        <path d="M6 9.5h6c6 0 5.5 7 14 7" />
        <path d="M6 15.5h5c6 0 6 7 15 7" opacity=".75" />
        <path d="M6 21.5h4" opacity=".5" />
      </g>
    </svg>
  )
}

export const PauseIcon = () => (
  <Icon>
    <path d="M5.5 3.500v9M10.5 3.500v9" />
  </Icon>
)
export const PlayIcon = () => (
  <Icon>
    <path d="M5 3.300v9.400l7.5-4.700z" />
  </Icon>
)
export const CloseIcon = () => (
  <Icon>
    <path d="M4 4l8 8M12 4l-8 8" />
  </Icon>
)
export const ChevronIcon = () => (
  <Icon size={14}>
    <path d="M4 6l4 4 4-4" />
  </Icon>
)
export const CopyIcon = () => (
  <Icon size={14}>
    <rect x="5.5" y="5.5" width="8" height="8" rx="1.5" />
    <path d="M10.5 5V4A1.5 1.5 0 0 0 9 2.500H4A1.5 1.5 0 0 0 2.5 4v5A1.5 1.5 0 0 0 4 10.500h1" />
  </Icon>
)
export const BoltIcon = () => (
  <Icon>
    <path d="M9 1.800L3.5 9H8l-1 5.200L12.5 7H8z" />
  </Icon>
)
export const SystemIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="5.5" />
    <path d="M8 2.500a5.5 5.5 0 0 1 0 11z" fill="currentColor" stroke="none" />
  </Icon>
)
export const SunIcon = () => (
  <Icon>
    <circle cx="8" cy="8" r="2.8" />
    <path d="M8 1.300v1.200M8 13.500v1.200M1.3 8h1.200M13.5 8h1.200M3.3 3.300l.8.8M11.9 11.900l.8.8M3.3 12.700l.8-.8M11.9 4.100l.8-.8" />
  </Icon>
)
export const MoonIcon = () => (
  <Icon>
    <path d="M13.3 9.700A5.6 5.6 0 0 1 6.3 2.700a5.6 5.6 0 1 0 7 7z" />
  </Icon>
)
