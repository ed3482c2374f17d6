import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Browser, Page } from 'playwright-core'
import { build } from 'vite'
import { launch, openPage, type Viewer } from './browser.ts'
import { FixturePages } from './fixture-pages.ts'
import { type FixtureOptions, FixtureServer } from './fixture-server.ts'

/**
 * Takes the pictures of docs/screens.md: `node test/browser/screens.ts`. Every page of a stream in light, dark and
 * narrow, without records, while it waits, and without an answer. Look at them.
 */
const OUT = fileURLToPath(new URL('../../docs/screens/', import.meta.url))
const WEB = fileURLToPath(new URL('../../web', import.meta.url))

const STREAMS = ['network', 'nids', 'logs', 'posts', 'orders'] as const
/** What has to be there before the picture is taken. */
const READY: Readonly<Record<(typeof STREAMS)[number], string>> = {
  network: '.alert[data-id]',
  nids: '.past svg',
  logs: '[data-template]',
  posts: '.series-plot canvas',
  orders: '[data-view="byCategory"] .bar-figures',
}
const WIDE = { width: 1_200, height: 820 }
const NARROW = { width: 360, height: 740 }
const SMALL = { width: 900, height: 520 }

interface Shot {
  readonly name: string
  readonly viewer: Viewer
  readonly options: Partial<FixtureOptions>
  readonly wait: (page: Page, stream: (typeof STREAMS)[number]) => Promise<unknown>
}

async function take(browser: Browser, dist: string, shot: Shot): Promise<void> {
  for (const stream of STREAMS) {
    const server = await FixtureServer.start({ dist, ...shot.options })
    const { page, context, errors } = await openPage(browser, shot.viewer)
    if (shot.name === 'error')
      server.faults.failing = ['/api/query', '/api/templates', '/api/trends', '/api/alerts']
    await page.goto(`${server.url}/#/${stream}`)
    await shot.wait(page, stream)
    await page.screenshot({ path: join(OUT, `${stream}-${shot.name}.png`) })
    if (errors.length > 0) throw new Error(`${stream} ${shot.name}: ${errors.join('; ')}`)
    await context.close()
    await server.close()
  }
}

const ready = async (page: Page, stream: (typeof STREAMS)[number]) => {
  await page.locator(READY[stream]).first().waitFor()
  // Charts draw themselves after that.
  await page.waitForTimeout(1_500)
}

async function main(): Promise<void> {
  mkdirSync(OUT, { recursive: true })
  const dist = mkdtempSync(join(tmpdir(), 'weir-screens-'))
  await build({
    root: WEB,
    configFile: join(WEB, 'vite.config.ts'),
    build: { outDir: dist },
    logLevel: 'warn',
  })
  const browser = await launch()
  const pages = await FixturePages.make({ nowMs: Date.now() })
  const empty = await FixturePages.make({ nowMs: Date.now(), empty: true })
  const live = { pages, alertRate: 2 }
  const nothing = { pages: empty, rate: 0, model: false }
  try {
    for (const colours of ['light', 'dark'] as const)
      await take(browser, dist, { name: colours, viewer: { ...WIDE, colours }, options: live, wait: ready })
    await take(browser, dist, { name: 'narrow', viewer: NARROW, options: live, wait: ready })
    await take(browser, dist, {
      name: 'empty',
      viewer: SMALL,
      options: nothing,
      wait: (page) => page.locator('.empty').first().waitFor(),
    })
    await take(browser, dist, {
      name: 'loading',
      viewer: SMALL,
      options: { ...live, answerMs: 2_000 },
      wait: async (page) => {
        await page.getByRole('heading', { level: 2 }).first().waitFor()
        await page.locator('.stream-when').waitFor()
        await page.locator('[aria-busy="true"] .skeleton').first().waitFor()
      },
    })
    await take(browser, dist, {
      name: 'error',
      viewer: SMALL,
      options: live,
      wait: (page) => page.locator('.empty[role="alert"]').first().waitFor(),
    })
  } finally {
    await browser.close()
    rmSync(dist, { recursive: true, force: true })
  }
}

await main()
