import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import type { DemoStream } from '../../lib/collect/demo-record.ts'
import { DEMO_STREAMS } from '../../lib/local/demo-streams.ts'
import type { QueryAnswer } from '../../lib/serve/dashboard-messages.ts'
import { answer, WeirProcess, weir } from '../end-to-end/weir.ts'
import { launch, missingBrowser, type OpenPage, openPage } from './browser.ts'

const missing = missingBrowser()
if (missing !== undefined) console.warn(`browser tests skipped: ${missing}`)

const HOUR_MS = 3_600_000

/** Records that went through the whole of Weir, and the page's numbers beside those of `weir query`. */
describe.skipIf(missing !== undefined)('the pages on records of a real run', () => {
  let browser: Browser
  let dir: string
  let server: WeirProcess
  let open: OpenPage
  let url: string

  beforeAll(async () => {
    browser = await launch()
    dir = await mkdtemp(join(tmpdir(), 'weir-pages-'))
    for (const [name, demo] of DEMO_STREAMS) {
      const file = join(dir, `${name}.log`)
      await writeFile(file, linesOf(demo))
      expect(await weir(['replay', name, file, '--data', dir, '--json'])).toMatchObject({ code: 0 })
    }
    expect(await weir(['train', 'logs', '--data', dir, '--json'])).toMatchObject({ code: 0 })
    server = new WeirProcess(['dev', '--port', '0', '--json', '--data', dir], {
      env: { WEIR_DASHBOARD: inject('dist') },
    })
    await vi.waitUntil(() => server.out.includes('"url"'), { timeout: 60_000 })
    url = (JSON.parse(server.out) as { url: string }).url
    open = await openPage(browser)
  })

  afterAll(async () => {
    await browser?.close()
    server?.child.kill('SIGTERM')
    await server?.ended
    await rm(dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
  })

  const query = async (view: string) =>
    (await answer<QueryAnswer>(['query', view, '--data', dir])).rows.map(
      ({ key, count }) => [key, Number(count)] as const,
    )
  const bars = async (page: Page, view: string) => {
    const rows = await page
      .locator(`[data-view="${view}"] .bar:not(.rest)`)
      .evaluateAll((all) => all.map((bar) => [bar.dataset.key, bar.querySelector('b')?.textContent] as const))
    return Object.fromEntries(rows.map(([key, text]) => [key, Number(text?.replaceAll(',', ''))]))
  }

  it('has the counts of weir query on the bars of orders and alerts', async () => {
    const { page } = open
    await page.goto(`${url}/#/orders`)
    await expect
      .poll(() => bars(page, 'byAgeBand'))
      .toEqual(Object.fromEntries(await query('orders.byAgeBand')))
    await expect
      .poll(() => bars(page, 'byCategory'))
      .toEqual(Object.fromEntries(await query('orders.byCategory')))
    await page.goto(`${url}/#/nids`)
    await expect
      .poll(() => bars(page, 'byDirection'))
      .toEqual(Object.fromEntries(await query('nids.byDirection')))
    await page.locator('.flows .alert[data-id] .host').first().waitFor()
  })

  it('has the uses of weir query in the past of a hashtag', async () => {
    const { page } = open
    await page.goto(`${url}/#/posts`)
    const [tag, uses] = [...(await query('posts.hashtags'))].sort(([, a], [, b]) => b - a)[4] ?? ['', 0]
    await page.getByLabel('Hashtag to draw').fill(`#${tag.toUpperCase()}`)
    await page.keyboard.press('Enter')
    const figures = page.locator(`.series-keys [data-key="${tag}"] .series-figures`)
    await expect.poll(() => figures.textContent()).toContain(`${uses.toLocaleString('en-US')} uses`)
  })

  it('has the lines of weir query beside each template, and calls one normal for the model that scores', async () => {
    const { page } = open
    await page.goto(`${url}/#/logs`)
    const lines = new Map(await query('logs.byTemplate'))
    const rows = page.locator('[data-template]')
    await rows.first().waitFor()
    const shown = await rows.evaluateAll((all) =>
      all.map((li) => [li.dataset.template ?? '', li.querySelector('.template-count')?.textContent] as const),
    )
    for (const [id, text] of shown) expect(text).toContain(`${lines.get(id)?.toLocaleString('en-US')} lines`)
    expect(shown.length).toBeGreaterThan(5)
    const [first = ''] = shown[0] ?? []
    await rows.first().getByRole('button').first().click()
    await page.getByRole('button', { name: 'This is normal' }).click()
    await page.locator(`[data-template="${first}"][data-kind="normal"]`).waitFor()
    const listed = await answer<{ templates: { templateId: string; normal: boolean }[] }>([
      'templates',
      'list',
      '--data',
      dir,
    ])
    expect(listed.templates.filter(({ normal }) => normal).map(({ templateId }) => templateId)).toEqual([
      first,
    ])
    expect(open.errors).toEqual([])
  })
})

/** What the demo makes in the six minutes before and the ten minutes after a moment of half an hour ago. */
function linesOf(demo: DemoStream): string {
  const lines: string[] = []
  for (const { line, atMs } of demo({ seed: 5, startMs: Date.now() - HOUR_MS / 2, pastMs: HOUR_MS / 10 })) {
    if (atMs >= HOUR_MS / 6) break
    lines.push(line)
  }
  return lines.map((line) => `${line}\n`).join('')
}
