import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import type { Status } from '../../lib/serve/dashboard-messages.ts'
import { WeirProcess, weir } from '../end-to-end/weir.ts'
import { launch, missingBrowser, type OpenPage, openPage, SCREENS } from './browser.ts'

const missing = missingBrowser()
if (missing !== undefined) console.warn(`browser tests skipped: ${missing}`)

/** What `npm start` runs, with a port and a data folder of its own. */
describe.skipIf(missing !== undefined)('the dashboard on the whole of Weir', () => {
  let browser: Browser
  let dir: string
  let server: WeirProcess
  let open: OpenPage
  let url: string

  beforeAll(async () => {
    browser = await launch()
    dir = await mkdtemp(join(tmpdir(), 'weir-live-'))
    server = new WeirProcess(['dev', '--demo', '--port', '0', '--json', '--data', dir], {
      env: { WEIR_DASHBOARD: inject('dist') },
    })
    await vi.waitUntil(() => server.out.includes('"url"'), { timeout: 90_000 })
    url = (JSON.parse(server.out) as { url: string }).url
    open = await openPage(browser)
    await open.page.goto(url)
  })

  afterAll(async () => {
    await browser?.close()
    server?.child.kill('SIGTERM')
    await server?.ended
    await rm(dir, { recursive: true, force: true })
  })

  const restartsOf = async (id: string) => {
    const { parts } = (await (await fetch(`${url}/api/status`)).json()) as Status
    return parts.find((part) => part.id === id)?.restarts
  }
  const agreed = () => open.page.locator('.pill[data-state="agrees"]').waitFor({ timeout: 90_000 })

  it('shows alerts with their reasons within seconds of the start', async () => {
    const { page } = open
    const first = page.locator('.alert[data-id]').first()
    // 20 seconds on a machine that has nothing else to do.
    await first.waitFor({ timeout: 90_000 })
    await first.click()
    await page.locator('.drawer').waitFor()
    await expect.poll(() => page.locator('.drawer').textContent()).toMatch(/threshold.*usual/s)
    await page.screenshot({ path: `${SCREENS}live-detail.png` })
    await page.keyboard.press('Escape')
  })

  it('comes back to agreement after each kind of worker was killed', { timeout: 400_000 }, async () => {
    const { page } = open
    for (const worker of ['network-score-0', 'network-count-0', 'network-archive-0', 'network-notify-0']) {
      await agreed()
      await page.getByRole('button', { name: /Break it/ }).click()
      await page.getByRole('menuitem', { name: worker }).click()
      await expect.poll(() => restartsOf(worker), { timeout: 60_000 }).toBe(1)
    }
    await agreed()
    await page.screenshot({ path: `${SCREENS}live.png` })
    expect(open.errors).toEqual([])
  })

  it('leaves data that verify finds exact', async () => {
    server.child.kill('SIGTERM')
    expect((await server.ended).code).toBe(0)
    // What was in flight is taken in by any later run of the pipeline; here by a replay of nothing much.
    const replay = await weir([
      'replay',
      'network',
      'test/browser/one-connection.csv',
      '--data',
      dir,
      '--json',
    ])
    expect(replay).toMatchObject({ code: 0 })
    const verified = await weir(['verify', '--data', dir])
    expect(verified.code, `${verified.out}${verified.err}`).toBe(0)
  })
})
