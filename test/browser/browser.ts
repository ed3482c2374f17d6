import { existsSync, mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium'
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

export const SCREENS = fileURLToPath(new URL('../screens/', import.meta.url))

/** Why browser tests cannot run here; undefined where they can. */
export function missingBrowser(): string | undefined {
  return existsSync(EXECUTABLE)
    ? undefined
    : `no Chromium at ${EXECUTABLE}: install it (Debian: apt-get install chromium) or set CHROMIUM to its path`
}

export async function launch(): Promise<Browser> {
  mkdirSync(SCREENS, { recursive: true })
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS })
}

export interface Viewer {
  readonly width?: number
  readonly height?: number
  readonly colours?: 'light' | 'dark'
}

export interface OpenPage {
  readonly page: Page
  readonly context: BrowserContext
  /** Errors of the page: uncaught ones, and what it wrote to console.error. */
  readonly errors: string[]
}

/** A page in a context of its own. It goes nowhere yet. */
export async function openPage(browser: Browser, viewer: Viewer = {}): Promise<OpenPage> {
  const { width = 1440, height = 1000, colours = 'light' } = viewer
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: colours,
    reducedMotion: 'reduce',
    permissions: ['clipboard-read', 'clipboard-write'],
  })
  const page = await context.newPage()
  page.setDefaultTimeout(90_000)
  const errors: string[] = []
  page.on('pageerror', (error) => errors.push(String(error)))
  page.on('console', (message) => {
    // A lost connection is logged by the browser itself; the page has to cope, and tests check that it does.
    if (message.type() === 'error' && !/WebSocket|Failed to load resource/.test(message.text()))
      errors.push(message.text())
  })
  return { page, context, errors }
}
