import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { launch, missingBrowser, type OpenPage, openPage, type Viewer } from './browser.ts'
import { FixturePages } from './fixture-pages.ts'
import { type FixtureOptions, FixtureServer } from './fixture-server.ts'

const missing = missingBrowser()
if (missing !== undefined) console.warn(`browser tests skipped: ${missing}`)

describe.skipIf(missing !== undefined)('the pages of streams', () => {
  let browser: Browser
  let pages: FixturePages
  let server: FixtureServer | undefined
  let open: OpenPage | undefined

  beforeAll(async () => {
    browser = await launch()
    pages = await FixturePages.make({ nowMs: Date.now() })
  })
  afterAll(() => browser?.close())
  afterEach(async () => {
    await open?.context.close()
    await server?.close()
    const errors = open?.errors ?? []
    open = server = undefined
    expect(errors, 'errors in the page').toEqual([])
  })

  async function visit(stream: string, options: Partial<FixtureOptions> = {}, viewer: Viewer = {}) {
    server = await FixtureServer.start({ dist: inject('dist'), rate: 0, pages, ...options })
    open = await openPage(browser, viewer)
    await open.page.goto(`${server.url}/#/${stream}`)
    return { server, page: open.page }
  }

  /** How many records have each value of a field; each element of an array is one. */
  function counted(stream: string, field: string): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { value } of pages.records.get(stream) ?? [])
      for (const one of [value[field]].flat()) counts[String(one)] = (counts[String(one)] ?? 0) + 1
    return counts
  }
  /** The bars of a view: value by key. */
  const bars = async (page: Page, view: string): Promise<Readonly<Record<string, number>>> => {
    const rows = await page
      .locator(`[data-view="${view}"] .bar:not(.rest)`)
      .evaluateAll((all) => all.map((bar) => [bar.dataset.key, bar.querySelector('b')?.textContent] as const))
    return Object.fromEntries(rows.map(([key, text]) => [key, Number(text?.replaceAll(',', ''))]))
  }

  it('orders: bars of age bands in their order, of gender and category, equal to a count of the records', async () => {
    const { page } = await visit('orders')
    await expect.poll(() => bars(page, 'byGender')).toEqual(counted('orders', 'gender'))
    await expect.poll(() => bars(page, 'byCategory')).toEqual(counted('orders', 'category'))
    const bands = await bars(page, 'byAgeBand')
    expect(bands).toEqual(counted('orders', 'age_band'))
    expect(Object.keys(bands)).toEqual(['10-14', '15-17', '18-24', '25-29', '30-34', '35-39', '40-49', '50+'])
    const shares = await page.locator('[data-view="byAgeBand"] .bar-figures > span').allTextContents()
    const sum = shares.reduce((all, text) => all + Number(/([\d.]+) %/.exec(text)?.[1]), 0)
    expect(sum).toBeCloseTo(100, 0)
    const women = (pages.records.get('orders') ?? []).filter(
      ({ value }) => value.gender === 'Female' && value.age_band === '30-34',
    )
    const part = page.locator('[data-view="byAgeBandGender"] [data-key="30-34"] [data-part="Female"]')
    expect(await part.textContent()).toContain(women.length.toLocaleString('en-US'))

    await page.getByLabel('What is added up').selectOption('amount')
    const cents = (pages.records.get('orders') ?? []).map(({ value }) =>
      Math.round(Number(value.price) * 100),
    )
    const amount = cents.reduce((all, one) => all + one, 0) / 100
    await expect
      .poll(() => page.locator('[data-view="byGender"] .bar-total b').textContent())
      .toBe(amount.toLocaleString('en-US', { minimumFractionDigits: 2 }))
    await expect.poll(() => page.title()).toBe('Orders · Weir')
  })

  it('posts: what trends with bursts and ranks, and the past of any tag', async () => {
    const { page } = await visit('posts')
    const latest = pages.slides.at(-1)
    if (latest === undefined) throw new Error('the fixture has no slide')
    const rows = page.locator('.trend[data-key]')
    await rows.nth(19).waitFor()
    const shown = await rows.evaluateAll((all) =>
      all.map((row) => ({
        key: row.dataset.key,
        count: Number.parseInt(row.querySelector('.trend-count')?.textContent ?? '', 10),
      })),
    )
    expect(shown).toEqual(latest.top)
    await expect.poll(() => page.locator('.burst').count()).toBeGreaterThan(0)

    const uses = counted('posts', 'hashtags')
    const lines = page.locator('.series-keys li')
    await expect.poll(() => lines.count()).toBe(3)
    await page.getByLabel('Hashtag to draw').fill('#OPERA')
    await page.keyboard.press('Enter')
    const opera = page.locator('.series-keys [data-key="opera"] .series-figures')
    await expect.poll(() => opera.textContent()).toContain(`${uses.opera?.toLocaleString('en-US')} uses`)
    for (const tag of ['chess', 'birds']) {
      await page.getByLabel('Hashtag to draw').fill(tag)
      await page.keyboard.press('Enter')
    }
    // Five lines at most: the oldest made room.
    await expect
      .poll(() => lines.evaluateAll((all) => all.map((li) => li.dataset.key)))
      .toEqual([latest.top[1]?.key, latest.top[2]?.key, 'opera', 'chess', 'birds'])
    await page.getByRole('button', { name: 'Take off #chess' }).click()
    await expect.poll(() => lines.count()).toBe(4)
    await page.locator('.series-plot canvas').waitFor()
    await page.getByLabel('Hashtag to draw').fill('nobodyusesthis')
    await page.keyboard.press('Enter')
    await page.locator('[data-key="nobodyusesthis"]', { hasText: 'no uses in this range' }).waitFor()
  })

  it('logs: templates with their lines, what is new, and that something is normal', async () => {
    const { page } = await visit('logs')
    await page.locator('.templates').getByRole('button', { name: '6 h' }).click()
    const ids = counted('logs', 'templateId')
    const lines = () =>
      page
        .locator('[data-template]')
        .evaluateAll((all) =>
          Object.fromEntries(
            all.map((li) => [
              li.dataset.template,
              Number.parseInt(
                li.querySelector('.template-count')?.textContent?.replaceAll(',', '') ?? '',
                10,
              ),
            ]),
          ),
        )
    await expect.poll(lines, { timeout: 60_000 }).toEqual(ids)
    await expect.poll(() => page.locator('[data-kind="new"] .badge.new').count()).toBeGreaterThan(0)
    const row = page.locator('[data-kind="known"]').first()
    const id = await row.getAttribute('data-template')
    expect(await row.locator('.gap').count()).toBeGreaterThan(0)
    await row.getByRole('button').first().focus()
    await page.keyboard.press('Enter')
    await row.getByText('One of its lines').waitFor()
    await page.getByRole('button', { name: 'This is normal' }).click()
    const marked = page.locator(`[data-template="${id}"][data-kind="normal"]`)
    await marked.waitFor()
    await page.getByRole('button', { name: 'Alert on it again' }).click()
    await marked.waitFor({ state: 'detached' })
    await page.getByRole('button', { name: /^New/ }).click()
    const fresh = pages.alerts('logs').map(({ record }) => record.templateId)
    await expect.poll(() => page.locator('[data-template]').count()).toBe(new Set(fresh).size)
  })

  it('nids: incidents from host to host, by gravity, with their records and what fires', async () => {
    const { page } = await visit('nids')
    const rows = page.locator('.flows .alert[data-id]')
    await expect.poll(() => rows.count()).toBe(pages.alerts('nids').length)
    const most = [...pages.alerts('nids')].sort((a, b) => b.count - a.count)[0]
    await page.getByLabel('Order').selectOption('Most alerts')
    await expect.poll(() => rows.first().getAttribute('data-id')).toBe(most?.id)
    const flow = await rows.first().locator('.flow').textContent()
    for (const part of [most?.record.source_ip, most?.record.destination_ip, 'local', 'external'])
      expect(flow).toContain(String(part))
    await page.locator('.past svg').first().waitFor()
    await expect.poll(() => bars(page, 'byDirection')).toEqual(counted('nids', 'direction'))
    const [rule, count] = Object.entries(counted('nids', 'rule')).sort(([, a], [, b]) => b - a)[0] ?? ['', 0]
    expect((await bars(page, 'bySignature'))[rule]).toBe(count)
    await rows.first().click()
    await page.locator('.drawer').getByText('Its highest scoring record').waitFor()
    await page.keyboard.press('Escape')
    await page.locator('.filter', { hasText: 'low' }).click()
    const graver = pages.alerts('nids').filter(({ severity }) => severity !== 'low')
    await expect.poll(() => rows.count()).toBe(graver.length)
  })

  it('nids: an incident is acknowledged, closed and its group suppressed', async () => {
    const { page, server } = await visit('nids')
    const rows = page.locator('.flows .alert[data-id]')
    const [first, second] = pages.alerts('nids').toReversed()
    const all = pages.alerts('nids').length
    await expect.poll(() => rows.count()).toBe(all)
    await rows.first().click()
    await page.getByRole('button', { name: 'Acknowledge' }).click()
    await rows.first().getByText('seen to').waitFor()
    await page.getByRole('button', { name: 'Close incident' }).click()
    await page.locator('.drawer').waitFor({ state: 'detached' })
    await expect.poll(() => rows.count()).toBe(all - 1)
    await rows.first().click()
    await page.getByRole('button', { name: 'Suppress this group' }).click()
    const left = pages.alerts('nids').filter(({ id, group }) => id !== first?.id && group !== second?.group)
    await expect.poll(() => rows.count()).toBe(left.length)
    const about = { stream: 'nids', id: first?.id, lastSeenMs: first?.lastSeenMs, cursor: '0' }
    expect(server.posted).toEqual([
      { pathname: '/api/incidents', body: { ...about, state: 'acknowledged' } },
      { pathname: '/api/incidents', body: { ...about, state: 'closed' } },
      { pathname: '/api/suppress', body: { stream: 'nids', group: second?.group } },
    ])
  })

  it('are reached by links, each with its name, and fit 360 pixels', async () => {
    const { page } = await visit('nothing-of-that-name', {}, { width: 360, height: 740 })
    const titles = { nids: 'Intrusion alerts', logs: 'Log lines', posts: 'Posts', orders: 'Orders' }
    await page.getByRole('heading', { name: 'Network connections' }).waitFor()
    for (const [name, title] of Object.entries(titles)) {
      await page.getByRole('link', { name: title }).click()
      await page.getByRole('heading', { name: title, exact: true, level: 2 }).waitFor()
      expect(page.url()).toContain(`#/${name}`)
      await page.locator('.panel-foot').first().waitFor()
      await expect
        .poll(() => page.evaluate('document.documentElement.scrollWidth'), { message: name })
        .toBe(360)
    }
    await page.goBack()
    await page.getByRole('heading', { name: 'Posts', exact: true, level: 2 }).waitFor()
  })

  it('say what to do where there is no record yet, and where no answer comes', async () => {
    const empty = await FixturePages.make({ nowMs: Date.now(), empty: true })
    const { page, server } = await visit('posts', { pages: empty })
    for (const name of ['posts', 'logs', 'orders']) {
      await page.goto(`${server.url}/#/${name}`)
      await page
        .locator(`.page code`, { hasText: `npx weir collect ${name} FILE` })
        .first()
        .waitFor()
    }
    await page.goto(`${server.url}/#/nids`)
    await page.getByText('Nothing unusual so far').waitFor()
    server.faults.failing = ['/api/query']
    await page.goto(`${server.url}/#/orders`)
    await page.reload()
    await page.getByText('The state store is locked.').first().waitFor()
    // While nothing answers, so that the page does not take the button away by asking by itself.
    await page.getByRole('button', { name: 'Ask now' }).first().click()
    server.faults.failing = []
    await page.locator('.page code', { hasText: 'npx weir collect orders FILE' }).first().waitFor()
  })

  it('show the end of what there is where records are of the past', async () => {
    const old = await FixturePages.make({ nowMs: Date.now(), agoMs: 400 * 86_400_000 })
    const { page } = await visit('posts', { pages: old })
    await page.getByText('Most used').waitFor()
    const records = old.records.get('posts') ?? []
    // The two slots of five minutes before the end of the last.
    const endMs = (Math.floor((records.at(-1)?.timeMs ?? 0) / 300_000) + 1) * 300_000
    const uses = new Map<string, number>()
    for (const { value, timeMs } of records)
      if (timeMs >= endMs - 600_000)
        for (const tag of value.hashtags as string[]) uses.set(tag, (uses.get(tag) ?? 0) + 1)
    const [tag, count] = [...uses].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))[0] ?? ['', 0]
    const first = page.locator('.trend[data-key]').first()
    await first.waitFor()
    expect(await first.getAttribute('data-key')).toBe(tag)
    expect(await first.locator('.trend-count').textContent()).toContain(String(count))
  })
})
