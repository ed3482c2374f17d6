import { Store } from './state/store.ts'

export type Theme = 'system' | 'light' | 'dark'

const KEY = 'weir-theme'
const ORDER: readonly Theme[] = ['system', 'light', 'dark']

export const theme = new Store<Theme>(stored())
/** Grows whenever colours may have changed, so that canvases are drawn again. */
export const colourEpoch = new Store(0)

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => colourEpoch.update((n) => n + 1))

export function nextTheme(): void {
  theme.update((current) => ORDER[(ORDER.indexOf(current) + 1) % ORDER.length] ?? 'system')
  const chosen = theme.get()
  if (chosen === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = chosen
  try {
    localStorage.setItem(KEY, chosen)
  } catch {
    // Storage may be forbidden: the choice then lasts as long as the page.
  }
  colourEpoch.update((n) => n + 1)
}

/** The colour of a custom property such as `--water`, as a canvas takes it. */
export function colour(property: string): string {
  const probe = document.createElement('i')
  probe.style.color = `var(${property})`
  document.body.append(probe)
  const resolved = getComputedStyle(probe).color
  probe.remove()
  return resolved
}

/** The same colour, more transparent. `rgb` is what `colour` gave. */
export function fade(rgb: string, opacity: number): string {
  return rgb.replace(/^rgb\((.*)\)$/, `rgba($1, ${opacity})`)
}

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY)
    return value === 'light' || value === 'dark' ? value : 'system'
  } catch {
    return 'system'
  }
}
